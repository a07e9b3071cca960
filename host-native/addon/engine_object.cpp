#include "host-native/addon/engine_object.hpp"

#include "core/dataflow/client_queries.hpp"
#include "host-native/addon/napi_support.hpp"

namespace topgun::addon {

Napi::Function EngineObject::define(Napi::Env env) {
  return DefineClass(
      env, "Engine",
      {InstanceMethod<&EngineObject::exec>("exec"), InstanceMethod<&EngineObject::poll>("poll"),
       InstanceMethod<&EngineObject::close>("close")});
}

EngineObject::EngineObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<EngineObject>(info),
      engine_(std::make_unique<client::Engine>(&dataflow::ClientQueries::make)) {}

Napi::Value EngineObject::exec(const Napi::CallbackInfo& info) {
  if (!engine_) return throw_error(info.Env(), Error::Closed);
  const BytesArgument request(info, 0);
  if (!request.ok) return throw_error(info.Env(), Error::InvalidArgument);
  return bytes_object(info.Env(), engine_->exec(request.view));
}

Napi::Value EngineObject::poll(const Napi::CallbackInfo& info) {
  if (!engine_) return throw_error(info.Env(), Error::Closed);
  return bytes_object(info.Env(), engine_->poll());
}

Napi::Value EngineObject::close(const Napi::CallbackInfo& info) {
  engine_.reset();
  return info.Env().Undefined();
}

}  // namespace topgun::addon
