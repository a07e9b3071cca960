#pragma once

#include <cstdint>
#include <string_view>

namespace topgun::sim {

/// A bug planted in the product's code (`TG_MUTANT` in core/base/probe.hpp). Products are built
/// without them; the simulator's probed build switches one on by its number. Each must be found by
/// seeds like any others.
struct Mutant {
  uint32_t number;
  std::string_view name;
  std::string_view text;
};

inline constexpr Mutant kMutants[] = {
    // Merge and clocks.
    {1, "tie-without-replica", "of two writes with one time, the one that came first wins"},
    {2, "compare-ms-only", "writes are ordered by milliseconds alone"},
    {3, "clock-without-counter", "two stamps of one replica in one millisecond are equal"},
    {4, "remote-stamps-ignored", "a replica's clock does not follow what it has seen"},
    {5, "clock-follows-wall", "a stamp goes back when the calendar clock does"},
    {6, "clock-not-restored", "after a restart a replica forgets its latest stamp"},
    {7, "no-drift-bound", "the node takes writes from the far future"},
    {9, "removed-element-returns", "the add of an element overrules its removal"},
    {10, "remove-misses-twins", "a removal takes one of several equal elements"},
    {13, "count-from-zero", "each step of a counter forgets the steps before"},
    // Tombstones.
    {11, "early-collection", "tombstones are kept for the retention once, not twice"},
    {12, "collected-before-checkpoint", "a tombstone is collected that no checkpoint holds"},
    {33, "no-resync", "a client from before the horizon goes on as if nothing had happened"},
    {35, "resync-keeps-state", "a client that starts anew keeps its old records"},
    {49, "in-step-for-ever", "a subscriber that takes long is not looked at again"},
    {54, "too-late-is-dropped", "a write that came too late is not issued anew"},
    {53, "unfollowed-is-live", "an answer that crossed an Unsubscribe makes the map look live"},
    {52, "damage-is-in-step", "a client with damaged rows trusts where it stood"},
    {51, "old-rows-stay", "after a snapshot that could not be stored, old rows stay for ever"},
    {50, "half-a-snapshot", "a map that never got in step passes for one that met no node"},
    {56, "resync-forgets-own-counts",
     "a client that starts anew counts from zero until it hears more"},
    {43, "resync-hides-counters", "a client that starts anew shows the old counts"},
    // Trees and sync.
    {14, "tree-keeps-old-hash", "a changed record's old hash stays in the tree"},
    {15, "tombstones-not-hashed", "a tombstone does not show in the root"},
    {20, "cursor-jumps", "a change moves the cursor although earlier ones are missing"},
    {39, "old-records-refused", "a repair does not bring back what is older than the horizon"},
    {41, "credit-never-granted", "a client never says that it has read"},
    {42, "lagging-for-ever", "a subscriber that lagged is never brought up to date"},
    {55, "comparison-put-off", "every answer puts the next comparison of roots off"},
    {48, "cursor-of-another-life", "the node trusts a cursor from before its restart"},
    // Outbox and acks.
    {19, "put-off-is-acked", "writes that were put off are acked"},
    {21, "ack-before-sync", "the ack for `local` does not wait for the sync"},
    {27, "redundant-is-durable", "a write that changes nothing is acked at once"},
    {28, "sent-before-stored", "a client sends what it has not stored"},
    {29, "memory-ack-is-final", "a client forgets a write that only memory holds"},
    {31, "refused-is-sent-again", "a refused write stays in the outbox"},
    {34, "refusal-has-no-effect", "a refused write stays in the client's state"},
    {36, "sequences-not-skipped", "a restart goes on with the next sequence"},
    {37, "unstored-after-restart", "two restarts with failing storage use one sequence twice"},
    {38, "never-resumes", "a client that was put off does not say when it starts over"},
    {45, "refused-count-forgets", "a refused step takes all earlier steps along"},
    {46, "never-gives-up", "a client waits for ever for a node that says nothing"},
    {47, "other-shards-are-durable", "an ack does not wait for the logs of other shards"},
    // Exchanges.
    {60, "answer-acks-all", "a client takes any answer for the ack of all that it sent"},
    {61, "request-from-the-middle", "a request leaves out what an earlier one carried in vain"},
    {62, "quiet-for-all", "a node says nothing of maps that are not in step either"},
    {57, "more-and-no-more", "a comparison that an answer did not get to is never begun again"},
    {63, "more-is-ignored", "a client takes an answer that was cut for a whole one"},
    {90, "late-answer-counts",
     "an answer to a request that was given up is taken for one to the next"},
    {91, "in-step-until-now",
     "who asks says that it was in step until now, however long it stood still"},
    {92, "state-keeps-identity", "an instance begins as the replica whose state was kept"},
    // Queries.
    {64, "window-not-refilled", "a live window stays short when one of its rows goes"},
    {65, "ties-by-chance", "rows that tie come in whatever order they were found in"},
    {66, "limit-before-order", "a query takes the first rows it finds and sorts those"},
    {67, "not-of-nothing", "the negation of a test does not hold for what is missing"},
    {68, "update-before-question",
     "what was written before a question is not told to live queries"},
    {69, "intersection-skips", "what several indexes have in common lacks a row"},
    {70, "view-misses-updates", "a view keeps the old value of a row that stays in it"},
    {71, "expired-stays", "an entry that expires stays in the answers"},
    {72, "shown-again-untold",
     "live queries do not learn what a map shows when it is opened again"},
    {87, "resynced-while-shown",
     "what has just expired stays on the screen of a client that starts anew"},
    {93, "written-row-is-known", "a record is told by the number of another that had it before"},
    {73, "collected-while-shown", "what is collected stays on the screen if a clock was set back"},
    {81, "damage-changes-identity",
     "a client whose identity was damaged keeps operations in the name of the one that it was"},
    {83, "untaken-stays",
     "a client keeps records from the future that it left to a copy and the node refuses"},
    {85, "left-and-never-in-step",
     "a copied client that was never in step goes on as if what it left were new"},
    {86, "part-overruled-is-dropped",
     "a removal of several elements that came too late is dropped if one was removed by others"},
    {82, "undecided-comes-as-record",
     "a comparison gives the node records of operations that it has not decided on"},
    // Questions to the node.
    {76, "asked-on-another-connection", "a client does not ask again when it connects again"},
    {77, "steps-without-credit", "a change that there is no credit for is never told"},
    {78, "page-of-each-shard", "each shard tells as many rows as the limit, before the offset"},
    {79, "expired-row-is-kept", "an entry that expires stays in the answers of the node"},
    {88, "group-stays-in-view", "a view of the node keeps a group that has no rows any more"},
    {89, "early-steps-are-dropped",
     "a view that waits for a shard forgets what others tell meanwhile"},
    {95, "waiting-is-forgotten", "what is asked of a view that is being made is never answered"},
    {94, "gathered-value-stays", "what a shard gathers from others keeps its first value"},
    {80, "known-means-unchanged", "a request that knows an answer is told of no other"},
    // Versions.
    {74, "unknown-field-is-fatal", "a field of a later version makes its message malformed"},
    {75, "unknown-message-is-fatal", "a message of a later version makes a request malformed"},
    // Storage.
    {22, "no-sync", "the log is never synced"},
    {23, "failed-sync-succeeds", "a failed sync counts as one that succeeded"},
    {24, "recycled-too-early", "log is given up although the checkpoint is not durable"},
    {25, "checkpoint-covers-too-much", "a checkpoint says that it covers what it lacks"},
    {26, "no-directory-sync", "the name of a new segment is not synced"},
    {84, "digest-unchecked", "rows that are gone from the checkpoint are not missed"},
    {32, "checksum-unchecked", "a damaged block of the log is taken for a good one"},
};

constexpr bool numbers_are_unique() {
  for (const Mutant& one : kMutants) {
    for (const Mutant& other : kMutants) {
      if (&one != &other && one.number == other.number) return false;
    }
  }
  return true;
}
static_assert(numbers_are_unique());

}  // namespace topgun::sim
