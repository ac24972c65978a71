#include "attack/report.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace gatehouse::attack {

namespace {

namespace json = boost::json;

constexpr std::size_t kShownMax = 20;

void append_failure(std::string& out, const Failure& failure) {
  out.append(fmt::format("\n  {}\n    {}\n    sent      {}\n    answered  {}\n", failure.name, failure.problem,
                         failure.sent, failure.answered));
  for (const auto& line : failure.arrived) out.append(fmt::format("    arrived   {}\n", line));
}

json::array to_array(const std::vector<Failure>& failures) {
  json::array out;
  for (const auto& failure : failures) {
    json::array arrived;
    for (const auto& line : failure.arrived) arrived.emplace_back(line);
    out.push_back(json::object{{"name", failure.name},
                               {"threat", failure.threat},
                               {"problem", failure.problem},
                               {"sent", failure.sent},
                               {"answered", failure.answered},
                               {"arrived", std::move(arrived)}});
  }
  return out;
}

}  // namespace

int Report::vectors() const {
  int count = 0;
  for (const auto& [letter, group] : groups) count += group.vectors;
  return count;
}

int Report::exit_code() const {
  if (!failures.empty()) return 1;
  return unclear.empty() && broken_off.empty() ? 0 : 2;
}

std::string Report::to_text() const {
  std::string out = fmt::format("{:<36} {:>8} {:>8} {:>10} {:>12} {:>8}\n", "", "vectors", "refused", "forwarded",
                                "got through", "unclear");
  for (const auto& [letter, group] : groups)
    out.append(fmt::format("{}  {:<33} {:>8} {:>8} {:>10} {:>12} {:>8}\n", letter, group.title, group.vectors,
                           group.refused, group.forwarded, group.got_through, group.unclear));
  for (const auto& note : notes) out.append(fmt::format("note: {}\n", note));
  if (!broken_off.empty()) out.append(fmt::format("broken off: {}\n", broken_off));
  std::size_t shown = 0;
  if (!failures.empty()) out.append("\ngot through:\n");
  for (const auto& failure : failures) {
    if (shown++ < kShownMax) append_failure(out, failure);
  }
  if (failures.size() > kShownMax)
    out.append(fmt::format("\n  and {} more; --json FILE has them all\n", failures.size() - kShownMax));
  if (!unclear.empty()) out.append("\nnot judged:\n");
  shown = 0;
  for (const auto& failure : unclear) {
    if (shown++ < kShownMax) append_failure(out, failure);
  }
  out.append(fmt::format("\n{}: {} of {} vectors got through{}, in {:.1f} s{}\n", target, failures.size(), vectors(),
                         unclear.empty() ? "" : fmt::format(", {} could not be judged", unclear.size()), seconds,
                         has_witness ? "" : "; judged by the answers alone, without a witness"));
  return out;
}

std::string Report::to_json() const {
  json::array group_list;
  for (const auto& [letter, group] : groups) {
    group_list.push_back(json::object{{"group", std::string(1, letter)},
                                      {"title", group.title},
                                      {"vectors", group.vectors},
                                      {"refused", group.refused},
                                      {"forwarded", group.forwarded},
                                      {"got_through", group.got_through},
                                      {"unclear", group.unclear}});
  }
  json::array note_list;
  for (const auto& note : notes) note_list.emplace_back(note);
  const json::object whole{{"target", target},
                           {"witness", has_witness},
                           {"seconds", seconds},
                           {"vectors", vectors()},
                           {"got_through", failures.size()},
                           {"groups", std::move(group_list)},
                           {"failures", to_array(failures)},
                           {"unclear", to_array(unclear)},
                           {"notes", std::move(note_list)},
                           {"broken_off", broken_off}};
  return json::serialize(whole) + "\n";
}

std::string show(std::string text, const std::vector<std::string>& secrets, std::size_t bytes_max) {
  for (const auto& secret : secrets) {
    if (secret.size() < 8) continue;
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 1))
      text.replace(at, secret.size(), "(secret)");
  }
  std::string out;
  for (const char c : text) {
    if (out.size() >= bytes_max) return out + "…";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r') {
      out.append("\\r");
    } else if (c == '\n') {
      out.append("\\n");
    } else if (c == '\t') {
      out.append("\\t");
    } else if (byte < 0x20 || byte >= 0x7F) {
      out.append(fmt::format("\\x{:02x}", byte));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace gatehouse::attack
