// Which addresses of record were registered over which stream connection (RFC 5626): when it
// closes, they are found without looking at all others.
#pragma once

#include <cstdint>

#include "sip/address.hpp"
#include "sip/growing_index.hpp"

namespace sip {

class ConnectionIndex {
 public:
  // The number under which remove() finds it again; never 0.
  std::uint32_t add(ConnectionId connection, std::uint32_t record) {
    const auto owner = find_or_add(connection);
    const auto index = links_.take();
    auto& first = connections_.slab.at(owner).first;
    links_.at(index) = {record, owner, first, no_entry};
    if (first != no_entry) links_.at(first).previous = index;
    first = index;
    return index + 1;
  }
  void remove(std::uint32_t link) {
    const auto index = link - 1;
    const auto l = links_.at(index);
    (l.previous == no_entry ? connections_.slab.at(l.owner).first : links_.at(l.previous).next) =
        l.next;
    if (l.next != no_entry) links_.at(l.next).previous = l.previous;
    links_.release(index);
    if (connections_.slab.at(l.owner).first != no_entry) return;
    index_.erase(l.owner);
    connections_.slab.release(l.owner);
  }
  // One record that was registered over it; no_entry when there is none (any more).
  std::uint32_t first(ConnectionId connection) const {
    const auto owner = find(connection);
    return owner == no_entry ? no_entry : links_.at(connections_.slab.at(owner).first).record;
  }

 private:
  struct Link {
    std::uint32_t record = no_entry, owner = no_entry, next = no_entry, previous = no_entry;
  };
  struct Connection {
    ConnectionId id = ConnectionId::none;
    std::uint32_t first = no_entry, next = no_entry;
  };
  struct Connections {
    using Handle = std::uint32_t;
    static constexpr Handle none = no_entry;
    Slab<Connection> slab;
    static std::uint32_t hash(ConnectionId id) {
      return static_cast<std::uint32_t>(static_cast<std::uint64_t>(id) * 0x9e3779b97f4a7c15u >> 32);
    }
    std::uint32_t hash_of(std::uint32_t index) const { return hash(slab.at(index).id); }
    Handle& next_of(std::uint32_t index) { return slab.at(index).next; }
  };

  std::uint32_t find(ConnectionId id) const {
    return index_.find(Connections::hash(id),
                       [&](std::uint32_t i) { return connections_.slab.at(i).id == id; });
  }
  std::uint32_t find_or_add(ConnectionId id) {
    auto owner = find(id);
    if (owner != no_entry) return owner;
    owner = connections_.slab.take();
    connections_.slab.at(owner).id = id;
    index_.insert(owner);
    return owner;
  }

  Slab<Link> links_;
  Connections connections_;
  GrowingIndex<Connections> index_{connections_};
};

}  // namespace sip
