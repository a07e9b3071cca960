/// The exports of topgun.node: the same surface, with the same bytes, as the WASM module, and a
/// store for the rows of a client.
#include <napi.h>

#include "core/client/engine.hpp"
#include "host-native/addon/engine_object.hpp"
#include "host-native/addon/row_store_object.hpp"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  (void)exports.Set("abiVersion", Napi::Number::New(env, topgun::client::kEngineProtocolVersion));
  (void)exports.Set("Engine", topgun::addon::EngineObject::define(env));
  (void)exports.Set("RowStore", topgun::addon::RowStoreObject::define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(topgun, init)
