#include "host-native/addon/row_store_object.hpp"

#include <functional>
#include <utility>

#include "host-native/addon/napi_support.hpp"

namespace topgun::addon {

namespace {

/// Runs `work` on a thread of Node's pool and settles a promise with what it returns.
class StoreWork : public Napi::AsyncWorker {
 public:
  using Work = std::function<Result<Bytes>()>;

  StoreWork(Napi::Env env, Work work)
      : Napi::AsyncWorker(env), work_(std::move(work)), deferred_(env) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override { result_ = work_(); }

  void OnOK() override {
    if (result_.ok()) {
      deferred_.Resolve(bytes_object(Env(), *result_));
    } else {
      deferred_.Reject(error_object(Env(), result_.error()).Value());
    }
  }

 private:
  Work work_;
  Napi::Promise::Deferred deferred_;
  Result<Bytes> result_ = Error::Internal;
};

/// Queues the work; Node deletes it when it is done.
Napi::Value run(Napi::Env env, StoreWork::Work work) {
  auto* queued = new StoreWork(env, std::move(work));
  const Napi::Promise promise = queued->promise();
  queued->Queue();
  return promise;
}

}  // namespace

Napi::Function RowStoreObject::define(Napi::Env env) {
  return DefineClass(env, "RowStore",
                     {InstanceMethod<&RowStoreObject::load>("load"),
                      InstanceMethod<&RowStoreObject::transact>("transact"),
                      InstanceMethod<&RowStoreObject::close>("close")});
}

RowStoreObject::RowStoreObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<RowStoreObject>(info), store_(std::make_shared<RowStore>()) {
  if (info.Length() < 1 || !info[0].IsString()) {
    throw_error(info.Env(), Error::InvalidArgument);
    return;
  }
  const Result<void> opened = store_->open(info[0].As<Napi::String>().Utf8Value());
  if (!opened.ok()) throw_error(info.Env(), opened.error());
}

Napi::Value RowStoreObject::load(const Napi::CallbackInfo& info) {
  return run(info.Env(), [store = store_] { return store->load(); });
}

Napi::Value RowStoreObject::transact(const Napi::CallbackInfo& info) {
  const BytesArgument transaction(info, 0);
  if (!transaction.ok) return throw_error(info.Env(), Error::InvalidArgument);
  return run(info.Env(), [store = store_, bytes = to_bytes(transaction.view)]() -> Result<Bytes> {
    const Result<void> done = store->transact(bytes);
    if (!done.ok()) return done.error();
    return Bytes{};
  });
}

Napi::Value RowStoreObject::close(const Napi::CallbackInfo& info) {
  store_->close();
  return info.Env().Undefined();
}

}  // namespace topgun::addon
