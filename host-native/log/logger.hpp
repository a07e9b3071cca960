#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace topgun::host {

enum class LogLevel : uint8_t { Debug, Info, Warn, Error, Off };

std::optional<LogLevel> log_level_from(std::string_view name);

struct LogField {
  std::string_view name;
  std::variant<std::string_view, int64_t, uint64_t, double> value;
};

/// Structured logs: one line of JSON each, written to a file descriptor with one call, so that
/// lines of several threads do not mix. Thread-safe; immutable.
///
///     {"time":"2026-01-31T12:00:00.000Z","level":"info","message":"listening","port":8080}
class Logger {
 public:
  explicit Logger(LogLevel lowest, int fd = 2) : lowest_(lowest), fd_(fd) {}

  using Fields = std::initializer_list<LogField>;
  /// Whether lines of this level are written at all.
  bool writes(LogLevel level) const { return level >= lowest_ && level != LogLevel::Off; }

  void debug(std::string_view message, Fields fields = {}) const;
  void info(std::string_view message, Fields fields = {}) const;
  void warn(std::string_view message, Fields fields = {}) const;
  void error(std::string_view message, Fields fields = {}) const;

  /// The line for an event at `wall_ms`, newline included. Text that is not UTF-8 keeps its ASCII
  /// characters; the rest is replaced.
  static std::string format(uint64_t wall_ms, LogLevel level, std::string_view message,
                            Fields fields);

 private:
  void write(LogLevel level, std::string_view message, Fields fields) const;

  LogLevel lowest_;
  int fd_;
};

/// Appends `text` as a JSON string, quotes included.
void append_json_string(std::string& out, std::string_view text);

}  // namespace topgun::host
