// `Operations` as WebAssembly: the same commands as raw exports.

#include "tests/bench/operations/operations.hpp"

#define TG_EXPORT(name) extern "C" __attribute__((export_name(#name), used))

namespace {
topgun::bench::Operations operations;
}

/// Makes the buffer `size` bytes long and returns its address.
TG_EXPORT(load) uint8_t* load(uint32_t size) {
  operations.buffer().resize(size);
  return operations.buffer().data();
}
TG_EXPORT(buffer) uint8_t* buffer() { return operations.buffer().data(); }
TG_EXPORT(buffer_size) uint32_t buffer_size() {
  return static_cast<uint32_t>(operations.buffer().size());
}

TG_EXPORT(fill) void fill(uint32_t records) { operations.fill(records); }
TG_EXPORT(make_update) uint32_t make_update(uint32_t generation) {
  return operations.make_update(generation);
}
TG_EXPORT(merge_update) uint32_t merge_update() { return operations.merge_update(); }
TG_EXPORT(diverge) void diverge(uint32_t generation, uint32_t count) {
  operations.diverge(generation, count);
}
TG_EXPORT(reconcile) uint32_t reconcile() { return operations.reconcile(); }
TG_EXPORT(digest) uint32_t digest(uint32_t replica) { return operations.digest(replica); }
TG_EXPORT(hash) uint32_t hash() { return operations.hash(); }
TG_EXPORT(reencode) uint32_t reencode() { return operations.reencode(); }
TG_EXPORT(make_records) uint32_t make_records() { return operations.make_records(); }
TG_EXPORT(canonicalize) uint32_t canonicalize() { return operations.canonicalize(); }
