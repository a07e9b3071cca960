#include "host-native/net/connection.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace topgun::host {

namespace {

/// Ciphertext that waits for the socket before more plaintext is encrypted.
constexpr size_t kCiphertextBytesMax = 256 * 1024;

bool try_again(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

Connection::~Connection() {
  if (fd >= 0) close(fd);
}

Connection::Received Connection::receive(std::span<uint8_t> scratch, size_t& size) {
  const ssize_t got = recv(fd, scratch.data(), scratch.size(), 0);
  if (got == 0) return Received::EndOfStream;
  if (got < 0) return try_again(errno) ? Received::Nothing : Received::Broken;
  size = static_cast<size_t>(got);
  return Received::Bytes;
}

Connection::Flushed Connection::flush(OutputQueue::Batch& batch, uint64_t& bytes_sent) {
  return tls ? flush_tls(batch, bytes_sent) : flush_plain(batch, bytes_sent);
}

Connection::Flushed Connection::flush_plain(OutputQueue::Batch& batch, uint64_t& bytes_sent) {
  while (output && !output->empty()) {
    output->gather(batch);
    msghdr message{};
    message.msg_iov = batch.vectors.data();
    message.msg_iovlen = batch.vectors.size();
    const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0) return try_again(errno) ? Flushed::Pending : Flushed::Broken;
    bytes_sent += static_cast<uint64_t>(sent);
    output->advance(static_cast<size_t>(sent));
    // A short write means a full socket buffer: the next call would only say so again.
    if (static_cast<size_t>(sent) < batch.bytes) return Flushed::Pending;
  }
  return Flushed::All;
}

Connection::Flushed Connection::flush_tls(OutputQueue::Batch& batch, uint64_t& bytes_sent) {
  while (true) {
    while (!tls->pending().empty()) {
      const ByteView ciphertext = tls->pending();
      const ssize_t sent = send(fd, ciphertext.data(), ciphertext.size(), MSG_NOSIGNAL);
      if (sent < 0) return try_again(errno) ? Flushed::Pending : Flushed::Broken;
      bytes_sent += static_cast<uint64_t>(sent);
      tls->sent(static_cast<size_t>(sent));
    }
    if (!output || output->empty()) return Flushed::All;
    while (!output->empty() && tls->pending().size() < kCiphertextBytesMax) {
      output->gather(batch);
      for (const iovec& part : batch.vectors) {
        const auto* data = static_cast<const uint8_t*>(part.iov_base);
        if (!tls->write({data, part.iov_len}).ok()) return Flushed::Broken;
      }
      output->advance(batch.bytes);
    }
  }
}

}  // namespace topgun::host
