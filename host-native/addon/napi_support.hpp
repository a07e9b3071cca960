#pragma once

#include <napi.h>

#include <cstring>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/error.hpp"

namespace topgun::addon {

/// A JavaScript error that carries the stable number as `code`; the bindings make a TopGunError of
/// it.
inline Napi::Error error_object(Napi::Env env, Error error) {
  Napi::Error object = Napi::Error::New(env, std::string(error_name(error)));
  (void)object.Set("code", Napi::Number::New(env, static_cast<double>(error)));
  return object;
}

/// Throws `error` in JavaScript once the native call returns, which it must do at once.
inline Napi::Value throw_error(Napi::Env env, Error error) {
  error_object(env, error).ThrowAsJavaScriptException();
  return env.Undefined();
}

/// The bytes of argument `index`, borrowed for the call; empty (with `ok` false) if it is no
/// Uint8Array.
struct BytesArgument {
  BytesArgument(const Napi::CallbackInfo& info, size_t index) {
    if (info.Length() <= index || !info[index].IsTypedArray()) return;
    const Napi::TypedArray array = info[index].As<Napi::TypedArray>();
    if (array.TypedArrayType() != napi_uint8_array) return;
    const Napi::Uint8Array bytes = array.As<Napi::Uint8Array>();
    view = {bytes.Data(), bytes.ByteLength()};
    ok = true;
  }

  ByteView view;
  bool ok = false;
};

/// A copy of `bytes` that JavaScript owns: a script may hold on to what it was given.
inline Napi::Value bytes_object(Napi::Env env, ByteView bytes) {
  Napi::Uint8Array copy = Napi::Uint8Array::New(env, bytes.size());
  if (!bytes.empty()) std::memcpy(copy.Data(), bytes.data(), bytes.size());
  return copy;
}

}  // namespace topgun::addon
