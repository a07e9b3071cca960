#include "host-native/net/mailbox.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <memory>
#include <thread>
#include <vector>

#include "host-native/net/doorbell.hpp"

namespace topgun::host {
namespace {

TEST_CASE("mailbox: messages of each sender arrive once and in order, and nobody sleeps through") {
  constexpr int kSenders = 3;
  constexpr int kMessages = 20'000;
  struct Message {
    int sender;
    int number;
  };
  Mailbox<Message> mailbox;
  Doorbell bell;
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&, sender] {
      for (int i = 0; i < kMessages; ++i) {
        mailbox.push({sender, i});
        bell.ring();
      }
    });
  }
  std::vector<int> next(kSenders, 0);
  int received = 0;
  bool in_order = true;
  bool overslept = false;
  while (received < kSenders * kMessages && !overslept) {
    bell.about_to_sleep();
    if (mailbox.empty()) {
      pollfd ready{bell.fd(), POLLIN, 0};
      overslept = poll(&ready, 1, 10'000) == 0;
      bell.silence();
    }
    bell.awake();
    mailbox.drain([&](Message message) {
      in_order = in_order && next[static_cast<size_t>(message.sender)] == message.number;
      ++next[static_cast<size_t>(message.sender)];
      ++received;
    });
  }
  for (std::thread& sender : senders) sender.join();
  CHECK_FALSE(overslept);
  CHECK(in_order);
  CHECK(received == kSenders * kMessages);
}

TEST_CASE("mailbox: what is never taken is freed") {
  const auto counted = std::make_shared<int>(0);
  {
    Mailbox<std::shared_ptr<int>> mailbox;
    for (int i = 0; i < 10; ++i) mailbox.push(counted);
    CHECK(counted.use_count() == 11);
  }
  CHECK(counted.use_count() == 1);
}

}  // namespace
}  // namespace topgun::host
