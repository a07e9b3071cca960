#include "wasm/engine_table.hpp"

namespace topgun::wasm {

namespace {

// A handle: 8 bits of slot below 24 bits of generation, which starts at 1 so that no handle is 0.
constexpr uint32_t kSlotBits = 8;
static_assert(kEnginesMax <= 1u << kSlotBits);
constexpr uint32_t kGenerationMax = (1u << (32 - kSlotBits)) - 1;

}  // namespace

uint32_t EngineTable::open() {
  for (uint32_t index = 0; index < kEnginesMax; ++index) {
    Slot& slot = slots_[index];
    if (slot.engine) continue;
    slot.generation = slot.generation == kGenerationMax ? 1 : slot.generation + 1;
    slot.engine = std::make_unique<client::Engine>(make_queries_);
    return slot.generation << kSlotBits | index;
  }
  return 0;
}

Result<void> EngineTable::close(uint32_t handle) {
  Slot* slot = find(handle);
  if (slot == nullptr) return Error::Closed;
  slot->engine.reset();
  return {};
}

Result<ByteView> EngineTable::exec(uint32_t handle, ByteView request) {
  Slot* slot = find(handle);
  if (slot == nullptr) return Error::Closed;
  return slot->engine->exec(request);
}

Result<ByteView> EngineTable::poll(uint32_t handle) {
  Slot* slot = find(handle);
  if (slot == nullptr) return Error::Closed;
  return slot->engine->poll();
}

EngineTable::Slot* EngineTable::find(uint32_t handle) {
  const uint32_t index = handle & ((1u << kSlotBits) - 1);
  if (index >= kEnginesMax) return nullptr;
  Slot& slot = slots_[index];
  return slot.engine && slot.generation == handle >> kSlotBits ? &slot : nullptr;
}

}  // namespace topgun::wasm
