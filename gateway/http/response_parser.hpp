// HTTP/1.1 answers of an upstream, strictly: what two parsers could read differently is nonsense, and nonsense is a
// 502. No I/O. Boost.Beast's basic_parser does the grammar of the head, BodyDecoder the body.
//
// The buffer holds the head until the answer's head was passed on: the head's views point into it.
#pragma once
#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/body_decoder.hpp"
#include "http/field_list.hpp"

namespace gatehouse::http {

class ResponseParser final : private boost::beast::http::basic_parser<false> {
 public:
  enum class Progress { need_more, complete, nonsense };
  static constexpr std::size_t kFieldsMax = 128;

  // `to_head`: the answer is to a HEAD request and has no body whatever its length says.
  explicit ResponseParser(bool to_head);

  // As RequestParser::parse_head.
  Progress parse_head(const char* buffer, std::size_t size);

  std::size_t head_bytes() const { return head_bytes_; }
  int status() const { return status_; }
  HeaderFields fields() const { return fields_.fields(); }
  bool keep_alive() const { return keep_alive_; }
  // False for answers to HEAD, 1xx, 204, 304, and for a length of 0.
  bool has_body() const { return has_body_; }
  // Content-Length, also where no body follows; absent: chunked, or until the connection ends.
  std::optional<std::uint64_t> size() const { return size_; }
  BodyDecoder& body() { return body_; }

 private:
  using Base = boost::beast::http::basic_parser<false>;
  using Verb = boost::beast::http::verb;
  using Field = boost::beast::http::field;
  using ErrorCode = boost::beast::error_code;
  using StringView = boost::beast::string_view;

  bool finish_head();

  void on_request_impl(Verb, StringView, StringView, int, ErrorCode&) override {}
  void on_response_impl(int status, StringView, int version, ErrorCode&) override;
  void on_field_impl(Field, StringView name, StringView value, ErrorCode&) override;
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(StringView, ErrorCode&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, StringView, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, StringView, ErrorCode&) override { return 0; }
  void on_finish_impl(ErrorCode&) override {}

  FieldList<kFieldsMax> fields_;
  std::size_t scanned_ = 0;
  std::size_t head_bytes_ = 0;
  BodyDecoder body_ = BodyDecoder::none();
  std::optional<std::uint64_t> size_;
  int status_ = 0;
  int version_ = 11;
  const bool to_head_;
  bool has_body_ = false;
  bool keep_alive_ = false;
};

}  // namespace gatehouse::http
