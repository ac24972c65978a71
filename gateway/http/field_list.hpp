// Up to N header fields in place. The places are not initialized before they are used: clearing a hundred of them would
// cost more than parsing a usual head.
#pragma once
#include <cstddef>
#include <new>
#include <type_traits>

#include "http/header_field.hpp"

namespace gatehouse::http {

template <std::size_t N>
class FieldList {
 public:
  // False when it is full.
  bool add(const HeaderField& field) {
    if (size_ == N) return false;
    new (bytes_ + size_ * sizeof(HeaderField)) HeaderField(field);
    ++size_;
    return true;
  }
  std::size_t size() const { return size_; }
  HeaderFields fields() const { return {reinterpret_cast<const HeaderField*>(bytes_), size_}; }

 private:
  static_assert(std::is_trivially_copyable_v<HeaderField> && std::is_trivially_destructible_v<HeaderField>);
  alignas(HeaderField) std::byte bytes_[N * sizeof(HeaderField)];
  std::size_t size_ = 0;
};

}  // namespace gatehouse::http
