// A TCP server that does what a test says, on the test's own io_context: listens on a free loopback port and runs the
// script for each connection. A script is a named function or a lambda without captures that is kept by the test.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/awaitable.hpp"

namespace gatehouse::tests {

class ScriptedUpstream {
 public:
  // The server's end of one connection. `index` counts connections from 0.
  class Peer {
   public:
    Peer(asio::ip::tcp::socket socket, std::size_t index) : index_(index), socket_(std::move(socket)) {}

    std::size_t index() const { return index_; }
    // Everything that has come so far, what was taken included.
    const std::string& received() const { return received_; }
    bool is_ended() const { return ended_; }  // the gateway has closed its side

    // Takes what comes up to the end of a head (inclusive), or what there is when the connection ends.
    Awaitable<std::string> take_head();
    // Takes exactly so many bytes, or what there is when the connection ends.
    Awaitable<std::string> take(std::size_t bytes);
    Awaitable<std::string> take_until(std::string_view mark);
    // Reads on, keeping only the count, until the connection ends or so many bytes were taken; returns the count.
    Awaitable<std::size_t> discard(std::size_t bytes_max = SIZE_MAX);
    // Returns when the gateway has closed its side or reset the connection.
    Awaitable<> ended();
    // False when the gateway does not take it.
    Awaitable<bool> send(std::string bytes);
    void end_sending();
    void close();
    void reset();

   private:
    Awaitable<bool> receive();

    const std::size_t index_;
    asio::ip::tcp::socket socket_;
    std::string received_;
    std::size_t taken_ = 0;
    bool ended_ = false;
  };
  using Script = std::function<Awaitable<>(Peer&)>;

  explicit ScriptedUpstream(asio::io_context& io);
  ~ScriptedUpstream();

  std::uint16_t port() const;
  // For the connections that come from now on.
  void run(Script script) { script_ = std::move(script); }
  // Answers every request (whose body has a told length) with these bytes and keeps the connection.
  void answer(std::string bytes);
  void stop_listening();

  std::size_t connections() const { return peers_.size(); }
  Peer& peer(std::size_t index) { return *peers_.at(index); }

 private:
  Awaitable<> accept();

  asio::ip::tcp::acceptor acceptor_;
  Script script_;
  std::vector<std::unique_ptr<Peer>> peers_;
};

}  // namespace gatehouse::tests
