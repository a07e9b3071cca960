#include "host-native/log/logger.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>

namespace topgun::host {

namespace {

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error", "off"};

std::string iso_time(uint64_t wall_ms) {
  const std::time_t seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[64];
  std::snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<unsigned>(wall_ms % 1000));
  return text;
}

void append_value(std::string& out, std::string_view value) { append_json_string(out, value); }
void append_value(std::string& out, int64_t value) { out += std::to_string(value); }
void append_value(std::string& out, uint64_t value) { out += std::to_string(value); }
void append_value(std::string& out, double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  out += text;
}

}  // namespace

std::optional<LogLevel> log_level_from(std::string_view name) {
  for (size_t i = 0; i < std::size(kLevelNames); ++i) {
    if (kLevelNames[i] == name) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof(escaped), "\\u%04x", byte);
      out += escaped;
    } else if (byte >= 0x80) {
      out += "?";
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string Logger::format(uint64_t wall_ms, LogLevel level, std::string_view message,
                           Fields fields) {
  std::string line = "{\"time\":\"" + iso_time(wall_ms) + "\",\"level\":\"";
  line += kLevelNames[static_cast<size_t>(level)];
  line += "\",\"message\":";
  append_json_string(line, message);
  for (const LogField& field : fields) {
    line += ',';
    append_json_string(line, field.name);
    line += ':';
    std::visit([&line](auto value) { append_value(line, value); }, field.value);
  }
  line += "}\n";
  return line;
}

void Logger::write(LogLevel level, std::string_view message, Fields fields) const {
  if (level < lowest_) return;
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const auto wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
  const std::string line = format(static_cast<uint64_t>(wall_ms), level, message, fields);
  // A log that cannot be written is no reason to stop serving.
  [[maybe_unused]] const ssize_t written = ::write(fd_, line.data(), line.size());
}

void Logger::debug(std::string_view message, Fields fields) const {
  write(LogLevel::Debug, message, fields);
}
void Logger::info(std::string_view message, Fields fields) const {
  write(LogLevel::Info, message, fields);
}
void Logger::warn(std::string_view message, Fields fields) const {
  write(LogLevel::Warn, message, fields);
}
void Logger::error(std::string_view message, Fields fields) const {
  write(LogLevel::Error, message, fields);
}

}  // namespace topgun::host
