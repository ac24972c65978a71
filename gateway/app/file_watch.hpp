// Whether files have changed since they were last read: written in place, replaced by a rename, or behind a symbolic
// link that now leads elsewhere, as Kubernetes does it. A change counts once it stays as it is from one look to the
// next: half of a file that is still being written may be a configuration as well.
#pragma once
#include <string>
#include <vector>

namespace gatehouse::app {

class FileWatch {
 public:
  // As they are now, they count as read.
  explicit FileWatch(std::vector<std::string> paths);

  // A look; about once a second. True until on_load().
  bool has_changed();
  // Before the files are read: what changes while they are read is a change.
  void on_load();

 private:
  const std::vector<std::string> paths_;
  std::string loaded_;  // what was to be seen of the files when they were read
  std::string seen_;    // at the last look
};

}  // namespace gatehouse::app
