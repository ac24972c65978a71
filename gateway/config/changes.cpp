#include "config/changes.hpp"

#include "config/keys.hpp"

namespace gatehouse::config {

namespace {

// `all`: the section around the table needs a restart as a whole.
void collect(const Table& table, const void* before, const void* after, const std::string& path, bool all,
             std::vector<std::string>& changed) {
  for (const Key& key : table.keys) {
    const bool restart = all || key.options.restart;
    const std::string inner_path = path.empty() ? key.name : path + "." + key.name;
    if (key.inner) {
      const void* inner_before = key.inner(before);
      const void* inner_after = key.inner(after);
      if (inner_before && inner_after) {
        collect(key.table(), inner_before, inner_after, inner_path, restart, changed);
      } else if (restart && inner_before != inner_after) {
        changed.push_back(inner_path);
      }
    } else if (restart && key.same && !key.same(before, after)) {
      changed.push_back(inner_path);
    }
  }
}

}  // namespace

std::vector<std::string> changes_that_need_restart(const Configuration& before, const Configuration& after) {
  std::vector<std::string> changed;
  collect(file_keys(), &before, &after, "", false, changed);
  return changed;
}

}  // namespace gatehouse::config
