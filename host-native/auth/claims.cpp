#include "host-native/auth/claims.hpp"

#include <boost/json.hpp>

#include "host-native/auth/jwt.hpp"

namespace topgun::host {

namespace json = boost::json;

namespace {

constexpr size_t kTextBytesMax = 1024;
constexpr size_t kDepthMax = 8;
/// The year 9999: beyond it the milliseconds of a made-up time could overflow.
constexpr double kSecondsMax = 253402300799.0;

std::optional<json::object> parse_object(ByteView text) {
  json::parse_options options;
  options.max_depth = kDepthMax;
  json::error_code error;
  json::value value = json::parse(json::string_view(as_text(text).data(), text.size()), error,
                                  json::storage_ptr(), options);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

/// Fields that are absent leave their target alone; false means that the field is there and wrong.
bool read_text(const json::object& object, const char* name, std::string& target) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return true;
  const json::string* text = value->if_string();
  if (text == nullptr || text->size() > kTextBytesMax) return false;
  target.assign(text->data(), text->size());
  return true;
}

/// A text or a list of texts.
bool read_texts(const json::object& object, const char* name, std::vector<std::string>& target) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return true;
  if (value->is_string()) return read_text(object, name, target.emplace_back());
  const json::array* list = value->if_array();
  if (list == nullptr || list->size() > JwtAuthenticator::kRolesMax) return false;
  for (const json::value& element : *list) {
    const json::string* text = element.if_string();
    if (text == nullptr || text->size() > kTextBytesMax) return false;
    target.emplace_back(text->data(), text->size());
  }
  return true;
}

bool read_time(const json::object& object, const char* name, std::optional<uint64_t>& target) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return true;
  double seconds = -1;
  if (const auto* number = value->if_int64()) seconds = static_cast<double>(*number);
  if (const auto* number = value->if_uint64()) seconds = static_cast<double>(*number);
  if (const auto* number = value->if_double()) seconds = *number;
  if (!(seconds >= 0 && seconds <= kSecondsMax)) return false;
  target = static_cast<uint64_t>(seconds * 1000);
  return true;
}

}  // namespace

std::optional<JwtHeader> parse_jwt_header(ByteView text) {
  const auto object = parse_object(text);
  if (!object || object->contains("crit")) return std::nullopt;
  JwtHeader header;
  if (!object->contains("alg") || !read_text(*object, "alg", header.algorithm)) return std::nullopt;
  if (object->contains("kid") && !read_text(*object, "kid", header.key_id.emplace())) {
    return std::nullopt;
  }
  return header;
}

std::optional<JwtClaims> parse_jwt_claims(ByteView text) {
  const auto object = parse_object(text);
  if (!object) return std::nullopt;
  JwtClaims claims;
  const bool good =
      read_text(*object, "sub", claims.subject) && read_texts(*object, "roles", claims.roles) &&
      read_texts(*object, "role", claims.roles) && read_text(*object, "iss", claims.issuer) &&
      read_texts(*object, "aud", claims.audience) &&
      read_time(*object, "exp", claims.expires_at_ms) &&
      read_time(*object, "nbf", claims.not_before_ms) &&
      read_time(*object, "iat", claims.issued_at_ms);
  if (!good) return std::nullopt;
  return claims;
}

}  // namespace topgun::host
