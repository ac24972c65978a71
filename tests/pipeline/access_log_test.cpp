#include "pipeline/access_log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/support/temporary_folder.hpp"

using namespace gatehouse;
using namespace std::chrono_literals;
using pipeline::AccessLog;
using pipeline::AccessLogEntry;

namespace {

const WallTime kTime{std::chrono::milliseconds{1'750'000'000'007}};

// A log that is a file, and what stands in it at its end.
class LogFile {
 public:
  LogFile() : descriptor_(::open(path().c_str(), O_WRONLY | O_CREAT, 0600)), log_(descriptor_) {}
  ~LogFile() { ::close(descriptor_); }
  AccessLog& log() { return log_; }
  std::string text_at_end() {
    log_.stop();
    std::ifstream file(path());
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  std::string path() const { return (folder_.path() / "access.log").string(); }
  const tests::TemporaryFolder folder_;
  const int descriptor_;
  AccessLog log_;
};

std::string line_of(const AccessLogEntry& entry) {
  LogFile file;
  AccessLog::Buffer buffer(file.log());
  buffer.append(entry);
  buffer.flush();
  return file.text_at_end();
}

}  // namespace

TEST_CASE("an entry is one JSON object on a line of its own") {
  CHECK(line_of({.time = kTime,
                 .request_id = "0123456789abcdef0123456789abcdef",
                 .peer = "10.0.0.1",
                 .client = "198.51.100.7",
                 .method = "POST",
                 .host = "app.example",
                 .path = "/orders/7",
                 .route = "/orders/**",
                 .status = 403,
                 .reason = "role_missing",
                 .user_id = "u1",
                 .upstream = "orders",
                 .duration = 12'345us,
                 .upstream_duration = 9us,
                 .bytes_sent = 321}) ==
        R"({"time":"2025-06-15T15:06:40.007Z","request_id":"0123456789abcdef0123456789abcdef","peer":"10.0.0.1",)"
        R"("client":"198.51.100.7","method":"POST","host":"app.example","path":"/orders/7","route":"/orders/**",)"
        R"("status":403,"reason":"role_missing","user_id":"u1","upstream":"orders","duration_ms":12.345,)"
        R"("upstream_ms":0.009,"bytes_sent":321})"
        "\n");
}

TEST_CASE("what is not known is left out") {
  CHECK(line_of({.time = kTime}) ==
        "{\"time\":\"2025-06-15T15:06:40.007Z\",\"status\":0,\"duration_ms\":0.000,\"bytes_sent\":0}\n");
}

TEST_CASE("no text breaks out of its line") {
  const auto line = line_of({.time = kTime, .method = "A\"B", .path = "/a\\b\r\n{}\x01\x7F", .user_id = "\xFFz"});
  CHECK(line.find("\"method\":\"A\\\"B\",\"path\":\"/a\\\\b\\u000d\\u000a{}\\u0001\\u007f\"") != std::string::npos);
  CHECK(line.find("\"user_id\":\"\xEF\xBF\xBDz\"") != std::string::npos);
  CHECK(line.find('\n') == line.size() - 1);
}

TEST_CASE("the time is right on both sides of a second, and when the clock is set back") {
  LogFile file;
  AccessLog::Buffer buffer(file.log());
  for (const std::int64_t at : {1'750'000'000'999, 1'750'000'001'000, 1'750'000'000'000, 1'750'000'059'001, 0L}) {
    buffer.append({.time = WallTime{std::chrono::milliseconds{at}}});
  }
  buffer.flush();
  std::istringstream lines(file.text_at_end());
  for (const auto* expected : {"2025-06-15T15:06:40.999Z", "2025-06-15T15:06:41.000Z", "2025-06-15T15:06:40.000Z",
                               "2025-06-15T15:07:39.001Z", "1970-01-01T00:00:00.000Z"}) {
    std::string line;
    std::getline(lines, line);
    CHECK(line.substr(9, 24) == expected);
  }
}

TEST_CASE("a buffer hands over at its end what was not flushed") {
  LogFile file;
  {
    AccessLog::Buffer buffer(file.log());
    buffer.append({.time = kTime, .path = "/last"});
  }
  CHECK(file.text_at_end().find("\"path\":\"/last\"") != std::string::npos);
}

TEST_CASE("lines of several threads come whole and complete") {
  LogFile file;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      AccessLog::Buffer buffer(file.log());
      for (int n = 0; n < 500; ++n) {
        buffer.append({.time = kTime, .path = "/a"});
        if (n % 100 == 0) buffer.flush();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::istringstream lines(file.text_at_end());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    CHECK(line.starts_with("{\"time\":\""));
    CHECK(line.ends_with("}"));
  }
  CHECK(count == 1'500);
  CHECK(file.log().dropped() == 0);
}

TEST_CASE("a blocked target drops lines and counts them, and does not keep the process from ending") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  const std::string junk(64 * 1024, 'x');
  while (::write(ends[1], junk.data(), junk.size()) > 0) {
  }
  AccessLog log(ends[1]);
  {
    AccessLog::Buffer buffer(log);
    for (int batch = 0; batch < 100; ++batch) {
      buffer.append({.time = kTime, .path = "/a"});
      buffer.append({.time = kTime, .path = "/b"});
      buffer.flush();
    }
  }
  // 64 batches wait, and one may be with the writer.
  CHECK(log.dropped() >= 70);
  const auto began = std::chrono::steady_clock::now();
  log.stop();
  CHECK(std::chrono::steady_clock::now() - began < 5s);
  CHECK(log.dropped() == 200);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("lines for a target that is gone are counted as dropped") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  ::signal(SIGPIPE, SIG_IGN);
  ::close(ends[0]);
  AccessLog log(ends[1]);
  AccessLog::Buffer buffer(log);
  buffer.append({.time = kTime});
  buffer.flush();
  log.stop();
  CHECK(log.dropped() == 1);
  ::close(ends[1]);
}
