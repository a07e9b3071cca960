#pragma once

#include <napi.h>

#include <memory>

#include "host-native/addon/row_store.hpp"

namespace topgun::addon {

/// `new RowStore(path)` of the addon: `load()` and `transact(Uint8Array)` return promises and work
/// off the main thread; `close()` waits for them.
class RowStoreObject : public Napi::ObjectWrap<RowStoreObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RowStoreObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value load(const Napi::CallbackInfo& info);
  Napi::Value transact(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  /// Shared with the work under way, which may outlive the object.
  std::shared_ptr<RowStore> store_;
};

}  // namespace topgun::addon
