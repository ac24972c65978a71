#include "crypto/hash_memory.hpp"

#include <doctest/doctest.h>
#include <openssl/crypto.h>
#include <sched.h>

#include <cstdint>
#include <cstring>
#include <thread>

#include "crypto/idle_thread.hpp"

using namespace gatehouse::crypto;

namespace {

constexpr std::size_t kOfAHash = 33'560'576;  // what OpenSSL's scrypt asks for

// Before main(), as it has to be before anything uses OpenSSL.
const bool installed = HashMemory::install();

}  // namespace

TEST_CASE("HashMemory gives the same memory to one hash after the other") {
  REQUIRE(installed);
  HashMemory memory;
  const HashMemory::Use use(memory);
  void* const first = OPENSSL_malloc(kOfAHash);
  REQUIRE(first);
  std::memset(first, 1, kOfAHash);
  OPENSSL_clear_free(first, kOfAHash);
  void* const second = OPENSSL_malloc(kOfAHash);
  CHECK(second == first);
  OPENSSL_free(second);
}

TEST_CASE("HashMemory serves one at a time, and only what is as large as a hash") {
  HashMemory memory;
  const HashMemory::Use use(memory);
  void* const kept = OPENSSL_malloc(kOfAHash);
  void* const beside = OPENSSL_malloc(kOfAHash);
  void* const small = OPENSSL_malloc(100);
  CHECK(beside != kept);
  CHECK(small != kept);
  OPENSSL_free(beside);
  OPENSSL_free(small);
  void* const again = OPENSSL_malloc(kOfAHash);
  CHECK(again != kept);
  OPENSSL_free(again);
  OPENSSL_free(kept);
}

TEST_CASE("HashMemory serves the thread that uses it alone") {
  HashMemory memory;
  void* const before = OPENSSL_malloc(kOfAHash);
  OPENSSL_free(before);
  const HashMemory::Use use(memory);
  void* const kept = OPENSSL_malloc(kOfAHash);
  void* other = nullptr;
  std::thread([&] {
    other = OPENSSL_malloc(kOfAHash);
    OPENSSL_free(other);
  }).join();
  CHECK(other != nullptr);
  CHECK(other != kept);
  OPENSSL_free(kept);
}

TEST_CASE("HashMemory that was released is there again, and empty") {
  HashMemory memory;
  const HashMemory::Use use(memory);
  auto* const first = static_cast<unsigned char*>(OPENSSL_malloc(kOfAHash));
  std::memset(first, 1, kOfAHash);
  OPENSSL_free(first);
  memory.release();
  auto* const second = static_cast<unsigned char*>(OPENSSL_malloc(kOfAHash));
  CHECK(second == first);
  CHECK(second[0] == 0);
  CHECK(second[kOfAHash - 1] == 0);
  OPENSSL_free(second);
}

TEST_CASE("IdleThread runs what it is given on a thread of the lowest priority, one after the other") {
  IdleThread thread;
  int policy = -1, sum = 0;
  std::thread::id first, second;
  auto look = [&] {
    policy = sched_getscheduler(0);
    first = std::this_thread::get_id();
  };
  thread.run(look);
  auto add = [&] {
    ++sum;
    second = std::this_thread::get_id();
  };
  for (int i = 0; i < 3; ++i) thread.run(add);
  CHECK(policy == SCHED_IDLE);
  CHECK(sum == 3);
  CHECK(first == second);
  CHECK(first != std::this_thread::get_id());
}
