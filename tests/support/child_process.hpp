// A program that a test starts and ends: its output goes to a file, and it ends with the process that started it.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace gatehouse::tests {

class ChildProcess {
 public:
  // The first argument is a program's path or a name that is looked for in PATH; throws std::runtime_error if there is
  // none. The working folder is `folder`, the output is added to `folder`/log.
  ChildProcess(std::vector<std::string> arguments, std::filesystem::path folder);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  bool running();
  void signal(int number);
  void kill();  // SIGKILL, and waits for its end
  std::string log() const;

 private:
  const std::filesystem::path folder_;
  pid_t id_ = 0;  // 0: it has ended
};

}  // namespace gatehouse::tests
