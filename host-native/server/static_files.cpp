#include "host-native/server/static_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>

#include "host-native/net/content_coding.hpp"

namespace topgun::host {

namespace {

constexpr size_t kFileBytesMax = 64 << 20;

std::string_view content_type_of(std::string_view path) {
  struct Type {
    std::string_view extension;
    std::string_view type;
  };
  static constexpr Type kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".cjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".wasm", "application/wasm"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".webp", "image/webp"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
      {".md", "text/plain; charset=utf-8"},
  };
  for (const Type& type : kTypes) {
    if (path.ends_with(type.extension)) return type.type;
  }
  return "application/octet-stream";
}

/// The real path of `path` if that lies below `root` (which is real already); empty otherwise.
std::string resolve_below(const std::string& root, const std::string& path) {
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr) return {};
  const std::string real = resolved;
  const bool below = real == root || real.starts_with(root == "/" ? root : root + "/");
  return below ? real : std::string();
}

/// The request's path below the mount, or nothing if it names what is not to be served: parent
/// directories, hidden files, odd characters.
std::optional<std::string> clean_path(std::string_view encoded) {
  const auto decoded = percent_decode(encoded);
  if (!decoded || decoded->find('\\') != std::string::npos) return std::nullopt;
  std::string clean;
  std::string_view rest = *decoded;
  while (!rest.empty()) {
    const std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), segment.size() + 1));
    if (segment.empty()) continue;
    if (segment.starts_with(".")) return std::nullopt;
    clean += '/';
    clean += segment;
  }
  return clean;
}

struct File {
  int fd = -1;
  struct stat info {};

  explicit File(const std::string& path) : fd(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd >= 0 && fstat(fd, &info) != 0) info = {};
  }
  ~File() {
    if (fd >= 0) close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_regular() const { return fd >= 0 && S_ISREG(info.st_mode); }
  size_t size() const { return static_cast<size_t>(info.st_size); }

  std::optional<Bytes> read_all() const {
    Bytes bytes(size());
    size_t at = 0;
    while (at < bytes.size()) {
      const ssize_t got = read(fd, bytes.data() + at, bytes.size() - at);
      if (got <= 0) return std::nullopt;
      at += static_cast<size_t>(got);
    }
    return bytes;
  }
};

std::string entity_tag(const File& file, std::string_view coding) {
  char text[80];
  std::snprintf(text, sizeof(text), "\"%llx-%llx%s\"",
                static_cast<unsigned long long>(file.info.st_size),
                static_cast<unsigned long long>(file.info.st_mtim.tv_sec) * 1000000000ull +
                    static_cast<unsigned long long>(file.info.st_mtim.tv_nsec),
                coding.empty()   ? ""
                : coding == "br" ? "-br"
                                 : "-gz");
  return text;
}

HttpResponse send_file(const HttpRequest& request, const File& file, std::string_view path,
                       std::string_view coding) {
  HttpResponse response;
  response.content_type = content_type_of(path);
  const std::string tag = entity_tag(file, coding);
  response.headers = {{"ETag", tag}, {"Cache-Control", "no-cache"}, {"Vary", "Accept-Encoding"}};
  if (!coding.empty()) response.headers.emplace_back("Content-Encoding", coding);
  if (request.header("if-none-match") == tag) {
    response.status = 304;
    return response;
  }
  if (file.size() > kFileBytesMax) return text_response(413, "file too large");
  auto bytes = file.read_all();
  if (!bytes) return text_response(500, "file unreadable");
  response.body = std::make_shared<const Bytes>(std::move(*bytes));
  return response;
}

/// To the folder itself, whose files are named relative to it.
HttpResponse redirect_into(std::string_view folder) {
  HttpResponse redirect = text_response(301, "moved");
  redirect.headers = {{"Location", std::string(folder) + "/"}};
  return redirect;
}

}  // namespace

StaticFiles::StaticFiles(std::vector<StaticMount> mounts) : mounts_(std::move(mounts)) {
  for (StaticMount& mount : mounts_) {
    char resolved[PATH_MAX];
    if (realpath(mount.directory.c_str(), resolved) != nullptr) mount.directory = resolved;
  }
  std::stable_sort(mounts_.begin(), mounts_.end(), [](const auto& left, const auto& right) {
    return left.prefix.size() > right.prefix.size();
  });
}

HttpResponse StaticFiles::serve(const HttpRequest& request) const {
  std::string_view target = request.path();
  for (const StaticMount& mount : mounts_) {
    if (mount.prefix.size() == target.size() + 1 && mount.prefix.starts_with(target)) {
      return redirect_into(target);
    }
    if (!target.starts_with(mount.prefix)) continue;
    const auto below = clean_path(target.substr(mount.prefix.size() - 1));
    if (!below) break;
    std::string path = resolve_below(mount.directory, mount.directory + *below);
    struct stat info {};
    if (!path.empty() && stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      if (!target.ends_with("/")) return redirect_into(target);
      path = resolve_below(mount.directory, path + "/index.html");
    }
    if (path.empty()) continue;

    for (const std::string_view coding : {std::string_view("br"), std::string_view("gzip")}) {
      if (!accepts_coding(request.header("accept-encoding"), coding)) continue;
      const std::string packed_path =
          resolve_below(mount.directory, path + (coding == "br" ? ".br" : ".gz"));
      if (packed_path.empty()) continue;
      const File packed(packed_path);
      if (packed.is_regular()) return send_file(request, packed, path, coding);
    }
    const File file(path);
    if (file.is_regular()) return send_file(request, file, path, {});
  }
  return text_response(404, "not found\n");
}

}  // namespace topgun::host
