#pragma once

#include <napi.h>

#include <memory>

#include "core/client/engine.hpp"

namespace topgun::addon {

/// `new Engine()` of the addon: `exec(Uint8Array)`, `poll()` and `close()`, with the bytes of
/// docs/engine-protocol.md.
class EngineObject : public Napi::ObjectWrap<EngineObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit EngineObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value exec(const Napi::CallbackInfo& info);
  Napi::Value poll(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  std::unique_ptr<client::Engine> engine_;
};

}  // namespace topgun::addon
