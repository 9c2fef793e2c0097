// Compiled into every program: memory from malloc counts as written, because the C++ library, which is not compiled
// with the sanitizer, writes to it unseen. Device and shared memory are marked by the rig.

extern "C" const char* __msan_default_options();
extern "C" const char* __msan_default_options() { return "poison_in_malloc=0:poison_in_free=0:intercept_memcmp=0"; }
