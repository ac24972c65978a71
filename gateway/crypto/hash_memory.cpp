#include "crypto/hash_memory.hpp"

#include <openssl/crypto.h>
#include <sys/mman.h>

#include <cstdlib>

namespace gatehouse::crypto {

namespace {

// N = 16384 blocks of 128 × 16 bytes, and what is worked on beside them.
constexpr std::size_t kBytes = 16'384 * 128 * 16 + 64 * 1024;
constexpr std::size_t kSmallestOfHashes = 16 * 1024 * 1024;  // nothing else that OpenSSL does needs so much at once

thread_local HashMemory* in_use = nullptr;

}  // namespace

// As CRYPTO_set_mem_functions() wants them. Memory is given back on the thread that took it: scrypt does not return
// before.
struct HashMemory::Hooks {
  static void* take(std::size_t bytes, const char*, int) {
    if (bytes >= kSmallestOfHashes && bytes <= kBytes && in_use && in_use->memory_ && !in_use->taken_) {
      in_use->taken_ = true;
      return in_use->memory_;
    }
    return std::malloc(bytes);
  }
  static void* change(void* memory, std::size_t bytes, const char*, int) { return std::realloc(memory, bytes); }
  static void give_back(void* memory, const char*, int) {
    if (memory && in_use && memory == in_use->memory_) {
      in_use->taken_ = false;
    } else {
      std::free(memory);
    }
  }
};

bool HashMemory::install() {
  return CRYPTO_set_mem_functions(&Hooks::take, &Hooks::change, &Hooks::give_back) == 1;
}

HashMemory::HashMemory() {
  void* const memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) memory_ = memory;
}

HashMemory::~HashMemory() {
  if (memory_) ::munmap(memory_, kBytes);
}

void HashMemory::release() {
  if (memory_) ::madvise(memory_, kBytes, MADV_DONTNEED);
}

HashMemory::Use::Use(HashMemory& memory) {
  in_use = &memory;
}

HashMemory::Use::~Use() {
  in_use = nullptr;
}

}  // namespace gatehouse::crypto
