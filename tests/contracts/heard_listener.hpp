// A listener of a Cache that keeps what it hears.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "cache/cache.hpp"

namespace gatehouse::tests {

class HeardListener final : public cache::Listener {
 public:
  void on_resumed() override {
    ++resumed;
    live = true;
  }
  void on_lost() override {
    ++lost;
    live = false;
  }
  void on_message(std::string_view channel, std::string_view message) override {
    messages.push_back(std::string(channel) + ": " + std::string(message));
  }
  void on_key_changed(std::string_view key) override { keys.emplace_back(key); }

  bool has_key(const std::string& key) const { return std::ranges::find(keys, key) != keys.end(); }

  int resumed = 0;
  int lost = 0;
  bool live = false;
  std::vector<std::string> messages;
  std::vector<std::string> keys;
};

}  // namespace gatehouse::tests
