#include "pipeline/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace gatehouse::pipeline {

namespace {

constexpr std::array<std::string_view, kDestinations> kDestinationNames{"none", "proxy", "auth", "page", "jwks"};

}  // namespace

std::string_view to_string(Destination destination) {
  return kDestinationNames[static_cast<std::size_t>(destination)];
}

void ThreadMetrics::count_exchange(Destination destination, int status, std::chrono::microseconds duration) {
  const auto index = static_cast<std::size_t>(destination);
  exchanges_[index][static_cast<std::size_t>(std::clamp(status / 100, 0, 5))].add();
  std::size_t bucket = 0;
  while (bucket < kBucketsMs.size() && duration > std::chrono::milliseconds(kBucketsMs[bucket])) ++bucket;
  durations_[index][bucket].add();
  duration_sums_us_[index].add(static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count())));
}

void ThreadMetrics::count_reason(std::string_view reason) {
  const std::lock_guard lock(mutex_);
  const auto found = reasons_.find(reason);
  if (found == reasons_.end()) {
    reasons_.emplace(reason, 1);
  } else {
    ++found->second;
  }
}

ThreadMetrics& Metrics::add_thread() {
  return *threads_.emplace_back(std::make_unique<ThreadMetrics>());
}

void Metrics::add_value(std::string name, std::string help, std::string type, std::function<double()> read) {
  add_family(std::move(name), std::move(help), std::move(type), {{"", std::move(read)}});
}

void Metrics::add_family(std::string name, std::string help, std::string type, std::vector<Labelled> members) {
  values_.push_back({std::move(name), std::move(help), std::move(type), std::move(members), {}});
}

void Metrics::add_samples(std::string name, std::string help, std::string type,
                          std::function<std::vector<Sample>()> read) {
  values_.push_back({std::move(name), std::move(help), std::move(type), {}, std::move(read)});
}

std::string Metrics::to_text() const {
  std::string out;
  const auto line = std::back_inserter(out);
  const auto sum = [this](auto read) {
    std::uint64_t total = 0;
    for (const auto& thread : threads_) total += read(*thread);
    return total;
  };
  out.append(
      "# HELP gatehouse_exchanges_total Answered requests by destination and class of status (0xx: ended without an "
      "answer).\n"
      "# TYPE gatehouse_exchanges_total counter\n");
  for (std::size_t d = 0; d < kDestinations; ++d) {
    for (std::size_t status = 0; status < 6; ++status) {
      const auto total = sum([&](const ThreadMetrics& t) { return t.exchanges_[d][status].get(); });
      if (total > 0) {
        fmt::format_to(line, "gatehouse_exchanges_total{{destination=\"{}\",status=\"{}xx\"}} {}\n",
                       kDestinationNames[d], status, total);
      }
    }
  }
  out.append(
      "# HELP gatehouse_exchange_duration_seconds From the complete head of a request to the end of its answer.\n"
      "# TYPE gatehouse_exchange_duration_seconds histogram\n");
  for (std::size_t d = 0; d < kDestinations; ++d) {
    std::uint64_t cumulative = 0;
    std::string buckets;
    for (std::size_t b = 0; b <= ThreadMetrics::kBucketsMs.size(); ++b) {
      cumulative += sum([&](const ThreadMetrics& t) { return t.durations_[d][b].get(); });
      const bool last = b == ThreadMetrics::kBucketsMs.size();
      fmt::format_to(std::back_inserter(buckets),
                     "gatehouse_exchange_duration_seconds_bucket{{destination=\"{}\",le=\"{}\"}} {}\n",
                     kDestinationNames[d],
                     last ? std::string("+Inf") : fmt::format("{}", ThreadMetrics::kBucketsMs[b] / 1000.0), cumulative);
    }
    if (cumulative == 0) continue;
    out.append(buckets);
    const auto microseconds = sum([&](const ThreadMetrics& t) { return t.duration_sums_us_[d].get(); });
    fmt::format_to(line, "gatehouse_exchange_duration_seconds_sum{{destination=\"{}\"}} {}\n", kDestinationNames[d],
                   static_cast<double>(microseconds) / 1e6);
    fmt::format_to(line, "gatehouse_exchange_duration_seconds_count{{destination=\"{}\"}} {}\n", kDestinationNames[d],
                   cumulative);
  }
  out.append(
      "# HELP gatehouse_reasons_total Refusals and failures by the reason of the access log.\n"
      "# TYPE gatehouse_reasons_total counter\n");
  std::map<std::string, std::uint64_t> reasons;
  for (const auto& thread : threads_) {
    const std::lock_guard lock(thread->mutex_);
    for (const auto& [reason, count] : thread->reasons_) reasons[reason] += count;
  }
  for (const auto& [reason, count] : reasons)
    fmt::format_to(line, "gatehouse_reasons_total{{reason=\"{}\"}} {}\n", reason, count);
  for (const auto& value : values_) {
    fmt::format_to(line, "# HELP {0} {1}\n# TYPE {0} {2}\n", value.name, value.help, value.type);
    if (value.samples) {
      for (const auto& [labels, number] : value.samples())
        fmt::format_to(line, "{}{{{}}} {}\n", value.name, labels, number);
    }
    for (const auto& [labels, read] : value.members) {
      if (labels.empty()) {
        fmt::format_to(line, "{} {}\n", value.name, read());
      } else {
        fmt::format_to(line, "{}{{{}}} {}\n", value.name, labels, read());
      }
    }
  }
  return out;
}

}  // namespace gatehouse::pipeline
