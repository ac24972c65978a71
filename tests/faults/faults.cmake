# Writes the copies of SOURCES (below GATEWAY) to FOLDER with the faults in them, and fault_list.inc.
# A fault is one or more replacements of a text that must be there exactly once; where the code has changed, the build says which
# fault has to be written anew.
foreach(source IN LISTS SOURCES)
  file(READ ${GATEWAY}/${source} text)
  string(MAKE_C_IDENTIFIER ${source} id)
  set(text_${id} "${text}")
endforeach()
set(table "")

# fault(NUMBER THREAT NAME): begins one. THREAT: the number of the vectors that must find it.
macro(fault number threat name)
  set(current ${number})
  string(APPEND table "    {${number}, ${threat}, \"${name}\"},\n")
endmacro()

# place(SOURCE TEXT REPLACEMENT)
function(place source search replacement)
  string(MAKE_C_IDENTIFIER ${source} id)
  string(FIND "${text_${id}}" "${search}" first)
  string(FIND "${text_${id}}" "${search}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "tests/faults/faults.cmake: fault ${current}: gateway/${source} has changed; there is no or more than one\n${search}")
  endif()
  string(REPLACE "${search}" "${replacement}" text "${text_${id}}")
  set(text_${id} "${text}" PARENT_SCOPE)
endfunction()

fault(1 1 "reserved names are removed in their exact spelling only")
fault(2 2 "names with _ for - are kept")
fault(3 2 "names with . for - are kept")
place(pipeline/reserved_headers.cpp [==[      if (is_alphanumeric(c)) {
        text_[size_++] = ascii_lower(c);]==] [==[      if (is_alphanumeric(c) || (FAULT(2) && c == '_') || (FAULT(3) && c == '.')) {
        text_[size_++] = FAULT(1) ? c : ascii_lower(c);]==])

fault(4 5 "what Connection lists is removed after the injection")
place(pipeline/request_head.cpp [==[  out.append(parts.credentials).append(parts.identity);]==] [==[  out.append(parts.credentials);
  const auto seeded_list = parts.head.find(http::Name::connection).value_or("");
  if (!FAULT(4) || !to_lower(seeded_list).contains("x-user-id")) out.append(parts.identity);]==])

fault(5 3 "of a reserved name that is repeated only the first is removed")
fault(6 4 "trailers are forwarded as headers")
fault(7 8 "the session of the request before counts on the same connection")
fault(8 12 "the session cookie is forwarded")
place(pipeline/request_head.cpp [==[parts.route.forward_session_cookie);]==] [==[FAULT(8) || parts.route.forward_session_cookie);]==])
place(pipeline/request_head.cpp [==[    } else if (!is_reserved(field.name) &&]==] [==[    } else if (const bool seeded = FAULT(5) && std::any_of(&parts.head.fields.front(), &field,
                                                           [&](const auto& other) { return folds_alike(other.name, field.name); });
               (seeded || !is_reserved(field.name)) &&]==])
place(pipeline/request_head.cpp [==[#include "pipeline/reserved_headers.hpp"]==] [==[#include "pipeline/reserved_headers.hpp"

#include <algorithm>]==])
place(http/body_decoder.cpp [==[    state_ = after(input[used++]);]==] [==[    if (FAULT(6) && state_ >= State::trailer_line) seeded_text.push_back(input[used]);
    state_ = after(input[used++]);]==])
place(upstream/forward_request.cpp [==[    if (!append_body_piece(out, piece.bytes)) return false;
  }
  return true;]==] [==[    if (!append_body_piece(out, piece.bytes)) return false;
  }
  if (FAULT(6) && seeded_text.contains(':'))
    out.insert(out.find("\r\n\r\n") + 2, seeded_text.substr(0, seeded_text.find("\r\n") + 2));
  seeded_text.clear();
  return true;]==])
place(pipeline/pipeline.cpp [==[  if (c.destination != Destination::proxy) return false;
  const auto& route = c.route();]==] [==[  if (c.destination != Destination::proxy) return false;
  if (FAULT(7)) {
    static thread_local std::map<int, auth::IdentityPtr> seeded_identities;
    auto& seeded = seeded_identities[c.exchange.peer_port];
    if (c.identity) seeded = c.identity;
    c.identity = seeded;
  }
  if (FAULT(30) && c.head.find(http::Name::user_agent).value_or("").starts_with("kube-probe")) return false;
  const auto& route = c.route();]==])
place(pipeline/pipeline.cpp [==[#include "pipeline/csrf.hpp"]==] [==[#include "pipeline/csrf.hpp"

#include <map>]==])

fault(9 13 "X-Forwarded-For of anybody is believed")
place(pipeline/client_address.cpp [==[  if (trusted_proxies.empty() ||]==] [==[  if (!FAULT(9) && trusted_proxies.empty()) return peer;
  if (!FAULT(9) &&]==])

fault(10 15 "X-Original-URL and its likes are forwarded")
place(pipeline/reserved_headers.cpp [==[  for (const auto reserved : kNames) {
    if (text == reserved) return true;]==] [==[  for (const auto reserved : kNames) {
    if (text == reserved) return !FAULT(10);]==])

fault(11 35 "the path is judged and forwarded as it was sent")
place(http/target.cpp [==[  if (begin == end || *begin != '/') return std::nullopt;
  Seen seen;]==] [==[  if (begin == end || *begin != '/') return std::nullopt;
  if (FAULT(11)) return CanonicalPath{{begin, static_cast<std::size_t>(end - begin)}, false};
  Seen seen;]==])

fault(12 34 "parameters are allowed in a path")
fault(13 35 "backslashes are allowed in a path")
fault(14 38 "a fragment is allowed in a path")
place(http/target.cpp [==[c == 0x7F || c == '#' || c == '\\' || c == ';') return nullptr;]==]
      [==[c == 0x7F || (c == '#' && !FAULT(14)) || (c == '\\' && !FAULT(13)) || (c == ';' && !FAULT(12))) return nullptr;]==])

fault(15 16 "Content-Length beside Transfer-Encoding is overlooked")
fault(16 17 "of two Content-Length the first counts")
fault(17 18 "an unknown Transfer-Encoding is overlooked")
place(http/request_parser.cpp [==[constexpr std::size_t kFirstLineBytesMax]==] [==[// Makes the first field of that name behind `at` another one.
std::size_t seeded_hide(char* buffer, std::size_t size, std::string_view name, std::size_t at, bool hide) {
  const std::string head = to_lower({buffer, size});
  const auto found = head.find("\r\n" + std::string(name) + ":", at);
  if (found != std::string::npos && hide) buffer[found + 2] = 'Z';
  return found;
}

constexpr std::size_t kFirstLineBytesMax]==])
place(http/request_parser.cpp [==[  if (!check_lines(buffer)) return refuse(kBadRequest);]==] [==[  if (!check_lines(buffer)) return refuse(kBadRequest);
  const auto seeded_coding = seeded_hide(buffer, head_bytes_, "transfer-encoding", 0, false);
  const auto seeded_length = seeded_hide(buffer, head_bytes_, "content-length", 0, false);
  if (FAULT(15) && seeded_coding != bytes.npos) seeded_hide(buffer, head_bytes_, "content-length", 0, true);
  if (FAULT(16) && seeded_length != bytes.npos) seeded_hide(buffer, head_bytes_, "content-length", seeded_length + 2, true);
  if (FAULT(17) && seeded_coding != bytes.npos && !to_lower(bytes.substr(seeded_coding)).starts_with("\r\ntransfer-encoding: chunked\r\n"))
    seeded_hide(buffer, head_bytes_, "transfer-encoding", 0, true);]==])

fault(18 21 "LF alone is read as a blank")
place(http/request_parser.cpp [==[    if (lf == buffer || lf[-1] != '\r') return false;]==] [==[    if (FAULT(18) && lf != buffer && lf[-1] != '\r' && lf[-1] != '\n') {
      buffer[lf - buffer] = ' ';
      at = lf + 1;
      continue;
    }
    if (lf == buffer || lf[-1] != '\r') return false;]==])
fault(19 20 "folded lines are taken")
place(http/request_parser.cpp [==[    if (lf + 1 < end && (lf[1] == ' ' || lf[1] == '\t')) return false;]==] [==[    if (FAULT(19) && lf + 1 < end && (lf[1] == ' ' || lf[1] == '\t')) {
      buffer[lf - buffer] = buffer[lf - buffer - 1] = ' ';
      at = lf + 1;
      continue;
    }
    if (lf + 1 < end && (lf[1] == ' ' || lf[1] == '\t')) return false;]==])
fault(20 22 "what is no digit of a chunk's size is overlooked")
place(http/body_decoder.cpp [==[  if (digit < 0 ||]==] [==[  if (FAULT(20) && digit < 0) return State::size;
  if (digit < 0 ||]==])
fault(24 19 "the connection goes on after a request that was refused")
place(edge/http1_connection.cpp [==[      deadline_.clear();
      co_await refuse(late]==] [==[      deadline_.clear();
      const std::string_view seeded_all(buffers_->in.get(), buffers_->end);
      const auto seeded_end = seeded_all.find("\r\n\r\n");
      if (FAULT(24) && seeded_end != std::string_view::npos) {
        buffers_->out.append(make_refusal(buffers_->parser->refusal(), ""));
        co_await drained();
        buffers_->begin = seeded_end + 4;
        keep_alive_ = true;
        if (gone_ || !prepare_next()) co_return;
        continue;
      }
      co_await refuse(late]==])

fault(21 62 "a wrong signature of the session cookie is taken")
place(auth/session_cookie.cpp [==[  if (!crypto::equal_constant_time({expected,]==] [==[  if (!FAULT(21) && !crypto::equal_constant_time({expected,]==])

fault(22 40 "the Host field is not checked")
place(pipeline/pipeline.cpp [==[  if (c.site.table.serves(c.head.host)]==] [==[  if (FAULT(22)) return false;
  if (c.site.table.serves(c.head.host)]==])

fault(23 48 "a tunnel is opened without the upstream's 101")
place(upstream/forward.cpp [==[  if (parser_->status() == 101) {
    if (sender_runs_)]==] [==[  if (parser_->status() == 101 || (FAULT(23) && !request_.websocket_accept.empty())) {
    if (sender_runs_)]==])
place(upstream/forward.cpp [==[  head.status = parser_->status();
  head.fields]==] [==[  head.status = FAULT(23) && tunnel_ ? 101 : parser_->status();
  head.fields]==])

fault(25 43 "TRACE is forwarded")
place(http/request_parser.cpp [==[method == "CONNECT" || method == "TRACE") return false;]==] [==[method == "CONNECT" || (method == "TRACE" && !FAULT(25))) return false;]==])
place(pipeline/pipeline.cpp [==[c.head.method == "TRACE" ||]==] [==[(c.head.method == "TRACE" && !FAULT(25)) ||]==])

fault(26 47 "a websocket may be opened from any site")
place(pipeline/pipeline.cpp [==[signed_cookie &&
      is_cross_site(]==] [==[signed_cookie && !FAULT(26) &&
      is_cross_site(]==])

fault(27 39 "the host of an absolute target is overlooked")
place(http/request_parser.cpp [==[    head_.host = *host;]==] [==[    if (!FAULT(27)) head_.host = *host;]==])

fault(28 46 "HTTP2-Settings is forwarded")
place(pipeline/request_head.cpp [==[    if (hop_by_hop.contains(field) ||]==] [==[    if ((hop_by_hop.contains(field) && !(FAULT(28) && field.known == http::Name::http2_settings)) ||]==])

fault(29 38 "a path in the query chooses the route")
place(pipeline/pipeline.cpp [==[  c.match = c.site.match(method, c.head.host, c.head.path);]==]
      [==[  c.match = c.site.match(method, c.head.host, FAULT(29) && c.head.query.starts_with("/") ? c.head.query : c.head.path);]==])

fault(30 15 "the user agent of a health check needs no session")

foreach(source IN LISTS SOURCES)
  string(MAKE_C_IDENTIFIER ${source} id)
  file(WRITE ${FOLDER}/${source} "${text_${id}}")
endforeach()
file(WRITE ${FOLDER}/fault_list.inc "${table}")
