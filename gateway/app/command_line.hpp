// `gatehouse run | check | explain | routes | schema | migrate | health | echo | attack`.
#pragma once

namespace gatehouse::app {

// Returns the exit code: 0 done, 1 the configuration or the work failed, 2 wrong usage.
int run_command_line(int argc, char** argv);

}  // namespace gatehouse::app
