// Password hashes as Better Auth stores them, "<salt>:<key>": salt = 32 hexadecimal characters (used as text), key =
// scrypt(NFKC of the password, N=16384, r=16, p=1, 64 bytes) in hexadecimal. One hash takes about 70 ms of a core and
// 32 MiB, so it runs on a bounded pool of its own at idle priority: a flood of sign-ins costs other sign-ins, not
// proxied traffic.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/awaitable.hpp"
#include "base/random.hpp"

namespace gatehouse::crypto {

// What the pool's threads do, without the pool. Plain functions that block for the whole hash.
std::string hash_password(std::string_view password, std::string_view salt_hex);
// False also where `stored` is not of the form above.
bool verify_password(std::string_view password, std::string_view stored);

// Any thread may call hash() and verify(); each coroutine is resumed on its own executor. A full queue throws
// Failure(503, "password_queue_full"). Must be stopped (or destroyed) before an io_context whose coroutines may wait
// here.
class PasswordHasher {
 public:
  struct Settings {
    unsigned threads = 0;        // 0: one less than there are cores, at least 1
    std::size_t queue_max = 64;  // waiting, beyond those that are being hashed
  };

  PasswordHasher(Random& random, Settings settings);
  ~PasswordHasher();
  PasswordHasher(const PasswordHasher&) = delete;
  PasswordHasher& operator=(const PasswordHasher&) = delete;

  Awaitable<std::string> hash(std::string password);
  Awaitable<bool> verify(std::string password, std::string stored);

  // Finishes what is being hashed; who still waits in the queue gets Failure(503, "shutting_down"), and so does who
  // comes later.
  void stop();

 private:
  struct Job;
  void submit(std::unique_ptr<Job> job);
  void work();

  Random& random_;
  const std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::unique_ptr<Job>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace gatehouse::crypto
