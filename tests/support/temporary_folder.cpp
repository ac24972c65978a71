#include "tests/support/temporary_folder.hpp"

#include <stdlib.h>

#include <string>

#include "base/check.hpp"

namespace gatehouse::tests {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "gatehouse-test-XXXXXX").string();
  GATEHOUSE_CHECK(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace gatehouse::tests
