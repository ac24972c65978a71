// An audit trail that keeps its entries for the test.
#pragma once
#include <vector>

#include "auth/audit.hpp"

namespace gatehouse::tests {

class RecordingAudit final : public auth::AuditTrail {
 public:
  void note(auth::AuditEntry entry) override { entries.push_back(std::move(entry)); }

  std::vector<auth::AuditEntry> entries;
};

}  // namespace gatehouse::tests
