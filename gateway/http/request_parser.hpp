// HTTP/1.1 requests out of bytes: RFC 9112, and where it leaves room, the reading that no other parser disputes. No
// I/O: the connection gives it what has arrived. Boost.Beast's basic_parser does the grammar of the head; this class
// adds what Beast is lenient in (folded lines, repeated lengths, transfer codings) and brings target and host into
// canonical form. The body is BodyDecoder's: Beast's own chunked coding takes control bytes in extensions, and asserts
// on a last chunk that comes in pieces.
//
// The buffer holds the head until the exchange ends: the head's views point into it, and its bytes are changed in
// place.
#pragma once
#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/body_decoder.hpp"
#include "http/exchange.hpp"
#include "http/field_list.hpp"
#include "http/refusal.hpp"

namespace gatehouse::http {

inline constexpr std::size_t kHeaderFieldsMax = 100;

// What can be told of a request that is refused, for the log alone: the method and the target as they were sent (no
// judgement of them), as far as they have come; empty where the bytes do not begin with a request line.
struct RequestLine {
  std::string_view method;
  std::string_view target;
};
RequestLine find_request_line(std::string_view bytes);

class RequestParser final : private boost::beast::http::basic_parser<true> {
 public:
  enum class Progress { need_more, complete, refused };

  RequestParser();

  // Looks for a whole head in the first `size` bytes of the buffer. Call again with the same bytes and more after
  // need_more; the buffer may have moved in between. After `complete`, head_bytes() of the buffer are used up and
  // head() is filled, except for scheme, which only the connection knows. Refused: refusal() says why, nothing after it
  // may be read.
  Progress parse_head(char* buffer, std::size_t size);

  // For what only the connection knows: the head does not fit, or took too long.
  void refuse_head(const Refusal& refusal) { refusal_ = &refusal; }
  const Refusal& refusal() const { return *refusal_; }
  std::size_t head_bytes() const { return head_bytes_; }
  RequestHead& head() { return head_; }
  bool keep_alive() const { return keep_alive_; }
  bool expects_continue() const { return expects_continue_; }

  bool has_body() const { return has_body_; }
  // Content-Length; absent for a chunked body.
  std::optional<std::uint64_t> body_size() const { return body_size_; }

  // The body's bytes are what follows the head.
  BodyDecoder& body() { return body_; }

 private:
  using Base = boost::beast::http::basic_parser<true>;
  using Verb = boost::beast::http::verb;
  using Field = boost::beast::http::field;
  using ErrorCode = boost::beast::error_code;
  using StringView = boost::beast::string_view;

  bool check_first_line(std::string_view bytes);
  bool check_lines(char* buffer);
  bool read_target(char* begin, char* end);
  bool finish_head();
  Progress refuse(const Refusal& refusal);

  void on_request_impl(Verb, StringView method, StringView target, int version, ErrorCode&) override;
  void on_response_impl(int, StringView, int, ErrorCode&) override {}
  void on_field_impl(Field, StringView name, StringView value, ErrorCode&) override;
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(StringView, ErrorCode&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, StringView, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, StringView, ErrorCode&) override { return 0; }
  void on_finish_impl(ErrorCode&) override {}

  RequestHead head_;
  FieldList<kHeaderFieldsMax> fields_;
  std::size_t scanned_ = 0;  // bytes already searched for the end of the head
  std::size_t checked_ = 0;  // and for line ends that can never become one
  std::size_t head_bytes_ = 0;
  std::string_view target_;
  BodyDecoder body_ = BodyDecoder::none();
  const Refusal* refusal_ = nullptr;
  std::optional<std::uint64_t> body_size_;
  bool has_body_ = false;
  bool keep_alive_ = true;
  bool expects_continue_ = false;
};

}  // namespace gatehouse::http
