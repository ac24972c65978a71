// What a client is told of any answer that an upstream gave: read by the same strict parser, it is one answer of the
// same status with a framing that is ours, the upstream's fields in their order, and nothing that belonged to the
// upstream's connection. The first byte says what was asked: HEAD, and the version of HTTP.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.hpp"
#include "base/check.hpp"
#include "edge/http1_response.hpp"
#include "http/hop_by_hop.hpp"
#include "http/response_parser.hpp"

using namespace gatehouse;
using http::ResponseParser;

namespace {

bool is_ours(const http::HeaderField& field) {
  return field.known == http::Name::content_length || field.known == http::Name::transfer_encoding ||
         field.known == http::Name::connection;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 16 * 1024) return 0;
  const bool to_head = (data[0] & 1) != 0;
  const int version = (data[0] & 2) != 0 ? 10 : 11;
  const std::string buffer(reinterpret_cast<const char*>(data) + 1, size - 1);
  ResponseParser upstream(to_head);
  if (upstream.parse_head(buffer.data(), buffer.size()) != ResponseParser::Progress::complete) return 0;
  if (upstream.status() < 200) return 0;

  const http::HopByHop hop_by_hop(upstream.fields());
  std::vector<http::HeaderField> kept;
  for (const auto& field : upstream.fields())
    if (!hop_by_hop.contains(field)) kept.push_back(field);
  if (kept.size() + 3 > ResponseParser::kFieldsMax) return 0;
  http::ResponseHead head;
  head.status = upstream.status();
  head.fields = kept;
  head.size = upstream.size();
  head.without_body = !upstream.has_body() && (to_head || head.status == 204 || head.status == 304);
  const auto framing = edge::choose_framing(head, version);
  std::string out;
  edge::append_response_head(out, head, {.framing = framing, .close = framing == edge::Framing::until_close});

  ResponseParser client(to_head);
  GATEHOUSE_CHECK(client.parse_head(out.data(), out.size()) == ResponseParser::Progress::complete);
  GATEHOUSE_CHECK(client.head_bytes() == out.size() && client.status() == upstream.status());
  GATEHOUSE_CHECK(client.has_body() == upstream.has_body());
  if (upstream.has_body()) {
    GATEHOUSE_CHECK(client.size() == upstream.size());
    GATEHOUSE_CHECK(client.body().is_until_close() == (!upstream.size() && version == 10));
  }
  std::size_t at = 0;
  for (const auto& field : client.fields()) {
    if (is_ours(field)) continue;
    if (at == kept.size()) {
      GATEHOUSE_CHECK(field.known == http::Name::date);
      continue;
    }
    GATEHOUSE_CHECK(field.name == kept[at].name && field.value == kept[at].value);
    ++at;
  }
  GATEHOUSE_CHECK(at == kept.size());
  return 0;
}
