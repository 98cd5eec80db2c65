#include "gateway/flush_turn.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "gateway/stream.hpp"

namespace gateway {

void FlushTurn::add(Stream& stream) {
  if (due_.empty())
    boost::asio::post(io_, [this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) run();
    });
  due_.push_back(&stream);
}

void FlushTurn::remove(const Stream& stream) {
  std::ranges::replace(due_, const_cast<Stream*>(&stream), nullptr);
  std::ranges::replace(speaking_, const_cast<Stream*>(&stream), nullptr);
}

void FlushTurn::run() {
  speaking_.swap(due_);
  for (std::size_t i = 0; i < speaking_.size(); ++i)
    if (speaking_[i]) speaking_[i]->speak();
  speaking_.clear();
}

}  // namespace gateway
