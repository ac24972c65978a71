// Any bytes as what an attacked server answers, and as what the echo behind it tells: `gatehouse attack` reads both
// from peers that it does not trust.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "attack/answer.hpp"
#include "attack/witness.hpp"
#include "base/check.hpp"

using namespace gatehouse::attack;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16 * 1024) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool bodiless : {false, true}) {
    const auto answers = parse_answers(text, bodiless);
    GATEHOUSE_CHECK(text.ends_with(answers.rest));
    GATEHOUSE_CHECK(!answers.malformed || !answers.rest.empty());
    for (const auto& answer : answers.list) GATEHOUSE_CHECK(answer.body.size() <= size);
    // What is left over begins an answer that is not complete: alone it comes to nothing more.
    if (!bodiless && answers.list.empty() && answers.interim.empty()) GATEHOUSE_CHECK(answers.rest == text);
  }
  if (const auto arrival = parse_arrival(text)) static_cast<void>(arrival->find_all("probe"));
  return 0;
}
