#include "host-native/net/content_coding.hpp"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <zlib.h>

#include <algorithm>
#include <memory>

#include "core/base/assert.hpp"

namespace topgun::host {

namespace {

/// zlib's window of 32 KiB, in a gzip wrapper.
constexpr int kGzipWindow = 15 + 16;
constexpr int kGzipLevel = 1;
constexpr int kGzipMemory = 8;
constexpr int kBrotliQuality = 1;
constexpr size_t kFirstGuessBytes = 16 * 1024;

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool equal_but_for_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

/// Whether the parameters of a coding say `q=0`, in any of its spellings.
bool is_refused(std::string_view parameters) {
  const size_t at = parameters.find("q=0");
  if (at == std::string_view::npos) return false;
  const std::string_view digits = parameters.substr(at + 3);
  return digits.find_first_of("123456789") == std::string_view::npos;
}

/// Room for more output: doubles, but goes one byte beyond the limit at most, which is enough to
/// see that it is exceeded.
void grow(Bytes& out, size_t bytes_max) {
  out.resize(std::min(std::max(out.size() * 2, kFirstGuessBytes), bytes_max + 1));
}

Result<Bytes> gunzip(ByteView packed, size_t bytes_max) {
  z_stream stream{};
  TG_ASSERT(inflateInit2(&stream, kGzipWindow) == Z_OK);
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ended(&stream, inflateEnd);
  stream.next_in = const_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  Bytes out;
  size_t used = 0;
  while (true) {
    if (used == out.size()) grow(out, bytes_max);
    stream.next_out = out.data() + used;
    stream.avail_out = static_cast<uInt>(out.size() - used);
    const int status = inflate(&stream, Z_NO_FLUSH);
    used = out.size() - stream.avail_out;
    if (used > bytes_max) return Error::TooLarge;
    if (status == Z_STREAM_END) break;
    if (status == Z_BUF_ERROR || (status == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)) {
      return Error::Truncated;
    }
    if (status != Z_OK) return Error::Malformed;
  }
  if (stream.avail_in != 0) return Error::Malformed;
  out.resize(used);
  return out;
}

Result<Bytes> unbrotli(ByteView packed, size_t bytes_max) {
  const std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> decoder(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
  TG_ASSERT(decoder != nullptr);
  size_t left = packed.size();
  const uint8_t* in = packed.data();
  Bytes out;
  size_t used = 0;
  while (true) {
    if (used == out.size()) grow(out, bytes_max);
    size_t room = out.size() - used;
    uint8_t* to = out.data() + used;
    const auto status =
        BrotliDecoderDecompressStream(decoder.get(), &left, &in, &room, &to, nullptr);
    used = out.size() - room;
    if (used > bytes_max) return Error::TooLarge;
    if (status == BROTLI_DECODER_RESULT_SUCCESS) break;
    if (status == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) return Error::Truncated;
    if (status == BROTLI_DECODER_RESULT_ERROR) return Error::Malformed;
  }
  if (left != 0) return Error::Malformed;
  out.resize(used);
  return out;
}

Bytes gzip(ByteView bytes) {
  z_stream stream{};
  TG_ASSERT(deflateInit2(&stream, kGzipLevel, Z_DEFLATED, kGzipWindow, kGzipMemory,
                         Z_DEFAULT_STRATEGY) == Z_OK);
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ended(&stream, deflateEnd);
  Bytes out(deflateBound(&stream, static_cast<uLong>(bytes.size())));
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  TG_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  return out;
}

Bytes brotli(ByteView bytes) {
  Bytes out(BrotliEncoderMaxCompressedSize(bytes.size()));
  size_t size = out.size();
  TG_ASSERT(BrotliEncoderCompress(kBrotliQuality, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC,
                                  bytes.size(), bytes.data(), &size, out.data()) == BROTLI_TRUE);
  out.resize(size);
  return out;
}

}  // namespace

std::string_view coding_name(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::Identity:
      return {};
    case ContentCoding::Gzip:
      return "gzip";
    case ContentCoding::Brotli:
      return "br";
  }
  return {};
}

std::optional<ContentCoding> coding_from(std::string_view content_encoding) {
  const std::string_view name = trimmed(content_encoding);
  if (name.empty() || equal_but_for_case(name, "identity")) return ContentCoding::Identity;
  if (equal_but_for_case(name, "gzip") || equal_but_for_case(name, "x-gzip")) {
    return ContentCoding::Gzip;
  }
  if (equal_but_for_case(name, "br")) return ContentCoding::Brotli;
  return std::nullopt;
}

bool accepts_coding(std::string_view accept_encoding, std::string_view coding) {
  std::string_view rest = accept_encoding;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    const size_t semicolon = std::min(item.find(';'), item.size());
    if (!equal_but_for_case(trimmed(item.substr(0, semicolon)), coding)) continue;
    return !is_refused(item.substr(semicolon));
  }
  return false;
}

ContentCoding accepted_coding(std::string_view accept_encoding) {
  if (accept_encoding.empty()) return ContentCoding::Identity;
  for (const ContentCoding coding : {ContentCoding::Brotli, ContentCoding::Gzip}) {
    if (accepts_coding(accept_encoding, coding_name(coding))) return coding;
  }
  return ContentCoding::Identity;
}

Result<Bytes> unpack(ContentCoding coding, ByteView packed, size_t bytes_max) {
  switch (coding) {
    case ContentCoding::Identity:
      break;
    case ContentCoding::Gzip:
      return gunzip(packed, bytes_max);
    case ContentCoding::Brotli:
      return unbrotli(packed, bytes_max);
  }
  if (packed.size() > bytes_max) return Error::TooLarge;
  return to_bytes(packed);
}

Bytes pack(ContentCoding coding, ByteView bytes) {
  switch (coding) {
    case ContentCoding::Identity:
      break;
    case ContentCoding::Gzip:
      return gzip(bytes);
    case ContentCoding::Brotli:
      return brotli(bytes);
  }
  return to_bytes(bytes);
}

}  // namespace topgun::host
