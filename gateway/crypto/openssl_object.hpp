// An object of OpenSSL's that is given back by its own function: OpensslObject<EVP_PKEY, EVP_PKEY_free>.
#pragma once
#include <memory>

namespace gatehouse::crypto {

template <auto Free>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

template <class T, auto Free>
using OpensslObject = std::unique_ptr<T, OpensslFree<Free>>;

}  // namespace gatehouse::crypto
