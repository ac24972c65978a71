// gatehouse_faulty --fault=N …: as `gatehouse`, with the fault N. `--faults` lists them, "number threat name" a line.
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "app/command_line.hpp"
#include "fault.hpp"

namespace gatehouse {

int seeded_fault = 0;
thread_local std::string seeded_text;

}  // namespace gatehouse

namespace {

constexpr struct {
  int number;
  int threat;
  const char* name;
} kFaults[] = {
#include "fault_list.inc"
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<char*> arguments;
  for (int i = 0; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--faults") {
      for (const auto& fault : kFaults) std::printf("%d %d %s\n", fault.number, fault.threat, fault.name);
      return 0;
    }
    if (argument.starts_with("--fault=")) {
      gatehouse::seeded_fault = std::atoi(argv[i] + 8);
    } else {
      arguments.push_back(argv[i]);
    }
  }
  return gatehouse::app::run_command_line(static_cast<int>(arguments.size()), arguments.data());
}
