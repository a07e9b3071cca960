#pragma once

#include <atomic>
#include <utility>

namespace topgun::host {

/// A queue from many threads to one, without a lock: a stack that senders push on with one
/// compare-and-swap and that the owner takes whole and turns round (Treiber 1986). Messages of one
/// sender arrive in the order they were sent. Never blocks and never refuses; what may pile up is
/// bounded by the senders, since a shard posts only for frames it was sent.
template <typename T>
class Mailbox {
 public:
  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() {
    drain([](T) {});
  }

  /// Any thread. Sequentially consistent, so that a sender that then finds the owner awake knows
  /// that the owner will look again before it sleeps (see `Doorbell`).
  void push(T value) {
    Node* node = new Node{std::move(value), head_.load(std::memory_order_relaxed)};
    while (!head_.compare_exchange_weak(node->next, node)) {
    }
  }

  /// Owner only: takes everything that has arrived, oldest first. Returns how many.
  template <typename Take>
  size_t drain(Take take) {
    if (head_.load(std::memory_order_relaxed) == nullptr) return 0;
    Node* newest = head_.exchange(nullptr);
    Node* oldest = nullptr;
    while (newest != nullptr) {
      Node* next = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = next;
    }
    size_t count = 0;
    while (oldest != nullptr) {
      Node* node = oldest;
      oldest = node->next;
      take(std::move(node->value));
      delete node;
      ++count;
    }
    return count;
  }

  /// True if nothing had arrived at the moment of the call.
  bool empty() const { return head_.load() == nullptr; }

 private:
  struct Node {
    T value;
    Node* next;
  };
  std::atomic<Node*> head_{nullptr};
};

}  // namespace topgun::host
