#include "app/file_watch.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <utility>

namespace gatehouse::app {

namespace {

std::string look_at(const std::vector<std::string>& paths) {
  std::string seen;
  for (const auto& path : paths) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) {
      seen.append("missing ");
    } else {
      seen.append(fmt::format("{}:{}:{}:{}:{} ", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                              info.st_mtim.tv_nsec));
    }
  }
  return seen;
}

}  // namespace

FileWatch::FileWatch(std::vector<std::string> paths) : paths_(std::move(paths)) {
  on_load();
}

bool FileWatch::has_changed() {
  const std::string before = std::exchange(seen_, look_at(paths_));
  return seen_ != loaded_ && seen_ == before;
}

void FileWatch::on_load() {
  loaded_ = seen_ = look_at(paths_);
}

}  // namespace gatehouse::app
