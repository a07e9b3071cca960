#pragma once

#include <optional>
#include <string>
#include <vector>

namespace topgun::host {

inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

/// The commands that are not the server itself: `check`, `backup` and `restore`. The exit code, or
/// nothing if `arguments` do not begin with a command.
std::optional<int> run_command(const std::vector<std::string>& arguments);

}  // namespace topgun::host
