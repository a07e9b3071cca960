#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/server/powerloss/control.hpp"

namespace topgun::powerloss {

/// The test's side of the shim: prepares a directory for a program that is to lose power, and makes
/// of it what a machine finds when it boots again.
///
///     supply.prepare().mode = Mode::Tear;
///     ... run a program with supply.environment(), SIGKILL it ...
///     supply.cut();
class PowerSupply {
 public:
  /// `directory` is made if it is missing; beside it lie `<directory>.image` and `.control`.
  PowerSupply(std::string directory, std::string shim);
  ~PowerSupply();
  PowerSupply(const PowerSupply&) = delete;
  PowerSupply& operator=(const PowerSupply&) = delete;

  /// For the next start of a program: all that is in the directory is durable, all settings are as
  /// they were made. The reference holds until the next call.
  Control& prepare();
  Control& control() { return *control_; }

  /// What the program's environment must hold.
  std::vector<std::pair<std::string, std::string>> environment() const;

  /// Whether the shim worked in the program that was started last. A run without it proves nothing.
  bool was_active() const { return control_->process != 0; }

  /// After the program's end: the directory holds what was durable, nothing else.
  void cut();

 private:
  void remove_image() const;
  void unmap();

  const std::string directory_;
  const std::string shim_;
  Control* control_ = nullptr;
};

}  // namespace topgun::powerloss
