#include "app/file_watch.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.hpp"

using namespace gatehouse;
using app::FileWatch;

namespace {

void write(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

}  // namespace

TEST_CASE("FileWatch sees a file that is written in place once it stays as it is, and until it is read") {
  const tests::TemporaryFolder folder;
  const auto file = folder.path() / "routes.yaml";
  write(file, "a");
  FileWatch watch({file.string()});
  CHECK_FALSE(watch.has_changed());
  write(file, "half");
  CHECK_FALSE(watch.has_changed());
  write(file, "half and half");
  CHECK_FALSE(watch.has_changed());
  CHECK(watch.has_changed());
  CHECK(watch.has_changed());
  watch.on_load();
  CHECK_FALSE(watch.has_changed());
  CHECK_FALSE(watch.has_changed());
}

TEST_CASE("FileWatch sees a file that another one is renamed to, of the same size and time") {
  const tests::TemporaryFolder folder;
  const auto& directory = folder.path();
  write(directory / "routes.yaml", "a");
  write(directory / "next", "b");
  std::filesystem::last_write_time(directory / "next", std::filesystem::last_write_time(directory / "routes.yaml"));
  FileWatch watch({(directory / "routes.yaml").string()});
  std::filesystem::rename(directory / "next", directory / "routes.yaml");
  CHECK_FALSE(watch.has_changed());
  CHECK(watch.has_changed());
}

TEST_CASE("FileWatch sees that a symbolic link leads elsewhere, as in a ConfigMap of Kubernetes") {
  const tests::TemporaryFolder folder;
  const auto& directory = folder.path();
  for (const char* version : {"..1", "..2"}) {
    std::filesystem::create_directory(directory / version);
    write(directory / version / "routes.yaml", "same");
  }
  std::filesystem::create_directory_symlink("..1", directory / "..data");
  std::filesystem::create_symlink("..data/routes.yaml", directory / "routes.yaml");
  FileWatch watch({(directory / "routes.yaml").string()});
  std::filesystem::create_directory_symlink("..2", directory / "..next");
  std::filesystem::rename(directory / "..next", directory / "..data");
  CHECK_FALSE(watch.has_changed());
  CHECK(watch.has_changed());
}

TEST_CASE("FileWatch looks at each of several files, also at one that is not there") {
  const tests::TemporaryFolder folder;
  const auto& directory = folder.path();
  write(directory / "routes.yaml", "a");
  FileWatch watch({(directory / "routes.yaml").string(), (directory / "gateway.yaml").string()});
  CHECK_FALSE(watch.has_changed());
  write(directory / "gateway.yaml", "b");
  CHECK_FALSE(watch.has_changed());
  CHECK(watch.has_changed());
  watch.on_load();
  std::filesystem::remove(directory / "routes.yaml");
  CHECK_FALSE(watch.has_changed());
  CHECK(watch.has_changed());
}
