// The process log must never keep a thread waiting.
#include "base/log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <string>

using namespace gatehouse;
using namespace std::chrono_literals;

namespace {

struct Pipe {
  Pipe() { REQUIRE(::pipe(ends) == 0); }
  ~Pipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  void fill() {
    const int flags = ::fcntl(ends[1], F_GETFL);
    ::fcntl(ends[1], F_SETFL, flags | O_NONBLOCK);
    const std::string junk(64 * 1024, 'x');
    while (::write(ends[1], junk.data(), junk.size()) > 0) {
    }
    while (::write(ends[1], "x", 1) > 0) {
    }
    ::fcntl(ends[1], F_SETFL, flags);
  }
  std::string read_all() {
    std::string text(64 * 1024, '\0');
    const auto size = ::read(ends[0], text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }
  int ends[2];
};

}  // namespace

TEST_CASE("a log that nobody reads keeps nobody waiting, and the process can end") {
  Pipe pipe;
  pipe.fill();
  const auto began = std::chrono::steady_clock::now();
  {
    ProcessLog process_log(LogFormat::json, pipe.ends[1]);
    for (int i = 0; i < 10'000; ++i) log::warn("line {}", i);
    CHECK(process_log.dropped() >= 5'000);
  }
  CHECK(std::chrono::steady_clock::now() - began < 5s);
}

TEST_CASE("what was logged is written before the process ends, each message as one line of JSON") {
  Pipe pipe;
  {
    ProcessLog process_log(LogFormat::json, pipe.ends[1]);
    log::warn("first \"quoted\"\nsecond");
    log::info("last");
    CHECK(process_log.dropped() == 0);
  }
  const std::string text = pipe.read_all();
  CHECK(text.find("\"level\":\"warning\",\"message\":\"first \\\"quoted\\\"\\u000asecond\"}\n") != std::string::npos);
  CHECK(text.ends_with("\"level\":\"info\",\"message\":\"last\"}\n"));
}
