#pragma once

#include <cstdint>

namespace topgun::client {

/// Numbers of the engine protocol (docs/engine-protocol.md). They never change meaning.
enum class Command : uint8_t {
  Open = 1,
  LoadRow = 2,
  Start = 3,
  OpenMap = 10,
  Set = 11,
  Remove = 12,
  OrAdd = 13,
  OrRemove = 14,
  CounterAdd = 15,
  Root = 16,
  LastSequence = 17,
  Unsubscribe = 18,
  TransportOpened = 20,
  TransportFrame = 21,
  TransportClosed = 22,
  Tick = 23,
  SetOnline = 24,
  SetToken = 25,
  ExchangePart = 26,
  ExchangeDone = 27,
  SetPolling = 28,
  Refresh = 29,
  Persisted = 30,
  Relay = 40,
  TabCursor = 41,
  ForgetTab = 42,
  Watch = 43,
  ExportState = 44,
  Mirror = 45,
  Query = 50,
  SubscribeQuery = 51,
  UnsubscribeQuery = 52,
  ExplainQuery = 53,
  AddIndex = 54,
  DropIndex = 55,
  Indexes = 56,
  DefineView = 57,
  DropView = 58,
  ForgetRows = 59,
  AskNode = 60,
  EndAsk = 61,
};

/// True for the commands that write to a map, and that may be relayed.
constexpr bool is_write(Command command) {
  return command >= Command::Set && command <= Command::CounterAdd;
}

enum class Event : uint8_t {
  Entry = 1,
  Element = 2,
  Counter = 3,
  MapLoaded = 4,
  MapSynced = 5,
  WrittenEntry = 6,
  WrittenElement = 7,
  WrittenCounter = 8,
  Connect = 10,
  Disconnect = 11,
  Send = 12,
  Persist = 13,
  Wake = 14,
  Exchange = 15,
  CancelExchange = 16,
  Status = 20,
  Ack = 21,
  Rejected = 22,
  Error = 23,
  ReplicaReplaced = 24,
  QueryRows = 30,
  QueryGroups = 31,
  IndexReady = 32,
  NodeAnswer = 33,
  NodeSteps = 34,
  NodeQueryFailed = 35,
};

/// What the host opened. A stream carries frames both ways; over exchanges, each request is
/// answered by itself.
enum class TransportKind : uint8_t { Stream = 0, Exchanges = 1 };

enum class Status : uint8_t { Offline = 0, Connecting = 1, Online = 2, Closed = 3 };

}  // namespace topgun::client
