#include "tests/server/crash/server_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace topgun::test {

ServerProcess::ServerProcess(const Options& options) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return;
  const std::string segment_bytes = std::to_string(options.segment_bytes);
  const std::string checkpoint_interval_ms = std::to_string(options.checkpoint_interval_ms);
  const char* const program = options.program.c_str();
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // A driver that dies takes its server with it.
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    for (const auto& [name, value] : options.environment) {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
    ::execl(program, program, "--data", options.data_directory.c_str(), "--port", "0", "--no-auth",
            "--shards", "2", "--segment-bytes", segment_bytes.c_str(), "--checkpoint-interval-ms",
            checkpoint_interval_ms.c_str(), "--log-level", "error", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(pipe_ends[1]);
  std::string line;
  char c = 0;
  while (::read(pipe_ends[0], &c, 1) == 1 && c != '\n') line += c;
  ::close(pipe_ends[0]);
  if (line.rfind("PORT=", 0) == 0) port_ = static_cast<uint16_t>(std::atoi(line.c_str() + 5));
}

bool ServerProcess::has_ended() {
  siginfo_t state{};
  const auto id = static_cast<id_t>(process_);
  // Left to be waited for: whoever asks does not take the end away from `kill` and `stop`.
  return process_ <= 0 ||
         (::waitid(P_PID, id, &state, WEXITED | WNOHANG | WNOWAIT) == 0 && state.si_pid != 0);
}

void ServerProcess::kill() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

bool ServerProcess::stop() {
  if (process_ <= 0) return false;
  ::kill(process_, SIGTERM);
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace topgun::test
