#pragma once

#include <cstdint>
#include <string_view>

/// Every `TG_SOMETIMES` mark by name, with the situation that it stands for.
#define TG_MARKS(X)                                                                          \
  X(ClockRunsBackwards, "a replica's calendar clock shows less than its latest stamp")       \
  X(ClockDriftRefused, "a stamp too far in the future does not pull the clock along")        \
  X(MergeTie, "two records have the same ms, and the replica decides")                       \
  X(MergeOverruled, "a record that arrives is older than the one that is there")             \
  X(OrRemoveOfUnseen, "the removal of an element arrives before its add")                    \
  X(TombstoneCollected, "a tombstone is collected behind the horizon")                       \
  X(ClientResync, "a client older than the horizon starts a map anew")                       \
  X(ClientReissues, "a client issues an operation anew because it was too old")              \
  X(ClientRejected, "an operation is refused and taken back")                                \
  X(ClientClockCorrected, "a client uses the node's time instead of its own")                \
  X(ClientGivesUp, "a client closes a connection on which nothing comes")                    \
  X(ClientWaitsForWindow, "a client may not send more operations before an ack")             \
  X(NodeRedundant, "an operation arrives that changes nothing")                              \
  X(NodeBehindHorizon, "an operation is refused because it is older than the horizon")       \
  X(NodeClockDrift, "an operation is refused because it comes from the future")              \
  X(NodeReadOnly, "an operation is put off because the log takes no writes")                 \
  X(NodeDelta, "a subscriber is brought up to date by a delta")                              \
  X(NodeSnapshot, "a subscriber gets the whole map")                                         \
  X(NodeRepair, "a subscriber is brought up to date by comparing trees")                     \
  X(NodeResync, "a subscriber is told to start anew")                                        \
  X(NodeAnswerIsCut, "the answer to an exchange ends before the client is in step")          \
  X(NodeNotCovered, "a delta was asked for that the ring of changes no longer covers")       \
  X(NodeCrossShard, "an operation belongs to another shard than its connection")             \
  X(LogTornTail, "recovery cuts a torn block off the log")                                   \
  X(LogSyncFails, "a sync of the log fails")                                                 \
  X(LogRecycles, "segments that the checkpoint covers are given up")                         \
  X(CheckpointWritten, "a checkpoint covers a shard's log")                                  \
  X(NodeFindsClone, "a copy of a client is found and told to take another id")               \
  X(ClientStoresAgain, "storage that failed works again, and everything is stored anew")     \
  X(ClientDamaged, "a client starts with rows that are damaged")                             \
  X(ClientReplaced, "a client that is a copy goes on under another id")                      \
  X(ClientExpires, "an entry or element expires where it is shown")                          \
  X(ClientRestoresCount, "a refused step brings the count before it back")                   \
  X(NodeTakesOver, "a second connection of a replica ends the first")                        \
  X(NodeHolds, "messages wait until it is known whose they are")                             \
  X(NodeLags, "a subscriber's credit is used up and changes are left out")                   \
  X(NodeStalls, "records wait until a subscriber grants credit")                             \
  X(NodeTakesRecords, "a client brings back records that the node lost")                     \
  X(CollectionWaits, "a tombstone is kept because no checkpoint holds it yet")               \
  X(DiffClaims, "of two states of a record the later one alone travels")                     \
  X(LogRecovers, "a log that took no writes takes them again")                               \
  X(CheckpointFails, "a checkpoint cannot be written and is tried again")                    \
  X(LiveBeginsOffline, "a live query begins while its client is not online")                 \
  X(LiveSeesRemote, "what another replica wrote changes a live answer")                      \
  X(LiveEntryExpires, "an entry that expires leaves a live answer")                          \
  X(LiveWindowRefills, "a row goes, and the next one enters the window at its end")          \
  X(LiveGroupReturns, "a group of a live answer comes back after it went")                   \
  X(LivePartnerComes, "the record that a row waited for in a join comes later")              \
  X(LiveSurvivesRestart, "a client that starts again follows what it followed before")       \
  X(LiveResyncs, "a map is started anew while it is followed by live queries")               \
  X(LiveReplaced, "a copied client takes another id while it follows live queries")          \
  X(LiveTakesBack, "a write is refused while live queries are followed")                     \
  X(ViewOfViewChanges, "a change goes through a view to a view of it")                       \
  X(QueryIntersects, "a query is answered by what several indexes have in common")           \
  X(FieldsPassedOver, "a message of a later version has fields that this one does not know") \
  X(NodePassesOver, "a message of a newer client is passed over")                            \
  X(ClientPassesOver, "a message of a newer node is passed over")                            \
  X(NodeChangesVersion, "a node restarts as another version")                                \
  X(NodeAnswersAnew, "a live answer of the node is replaced by another")                     \
  X(NodeAnswersNone, "a node that answers no questions is asked")                            \
  X(NodeAnswersRequest, "a question is asked in a request")                                  \
  X(NodeQueryLags, "a live answer is not told of changes for lack of credit")                \
  X(NodeMergesShards, "an answer has rows of several shards")                                \
  X(NodeQueryIsCut, "a connection ends while it follows answers")                            \
  X(NodeRowExpires, "an entry that expires leaves an answer of the node")                    \
  X(QueryRowIsKnown, "an answer tells a row by its number alone")                            \
  X(QueryWalks, "a query is answered by a walk along an index")                              \
  X(ThawsMidRequest, "an instance stood still while a request of it was under way")          \
  X(ThawsBeyondRetention, "an instance stood still for longer than tombstones are kept")     \
  X(ClockStandsMidRequest, "an instance gets an answer while its clock stands still")        \
  X(AnswerComesLate, "an answer arrives after its request was given up and made anew")       \
  X(InstanceEndsMidRequest, "an instance ends while a request of it is under way")           \
  X(InstanceBeginsStale, "an instance begins with a state older than tombstones are kept")   \
  X(NodeViewWaits, "what is asked of a view waits until the node has made it")               \
  X(WrittenBeforeTaken, "an entry is written before the node takes it in for a view")        \
  X(NodeViewChangesEarly, "a view of the node changes before all shards told their parts")   \
  X(NodeViewLosesGroup, "a group leaves a view that shards make together")                   \
  X(GatheredRowLeaves, "a row leaves what a shard gathers from others")

namespace topgun::probe {

enum class Mark : uint32_t {
#define TG_MARK_NAME(name, text) name,
  TG_MARKS(TG_MARK_NAME)
#undef TG_MARK_NAME
};

struct MarkInfo {
  std::string_view name;
  std::string_view text;
};

inline constexpr MarkInfo kMarks[] = {
#define TG_MARK_INFO(name, text) {#name, text},
    TG_MARKS(TG_MARK_INFO)
#undef TG_MARK_INFO
};
inline constexpr uint32_t kMarkCount = sizeof(kMarks) / sizeof(kMarks[0]);

}  // namespace topgun::probe
