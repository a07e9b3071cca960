#include "tests/server/crash/server_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace topgun::test {

ServerProcess::ServerProcess(const std::string& program, const std::string& data_directory) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return;
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // A driver that dies takes its server with it.
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    // Small segments and frequent checkpoints, so that kills hit rotation, recycling and the
    // checkpoint's transactions as well.
    ::execl(program.c_str(), program.c_str(), "--data", data_directory.c_str(), "--port", "0",
            "--no-auth", "--shards", "2", "--segment-bytes", "1048576", "--checkpoint-interval-ms",
            "100", "--log-level", "error", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(pipe_ends[1]);
  std::string line;
  char c = 0;
  while (::read(pipe_ends[0], &c, 1) == 1 && c != '\n') line += c;
  ::close(pipe_ends[0]);
  if (line.rfind("PORT=", 0) == 0) port_ = static_cast<uint16_t>(std::atoi(line.c_str() + 5));
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
