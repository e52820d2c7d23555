# Pyfhel builds SEAL, which by default clones GSL, zlib and zstd while building. It needs none of them.
# Used through the environment variable CMAKE_TOOLCHAIN_FILE, which wants an absolute path.
foreach(option SEAL_BUILD_DEPS SEAL_USE_MSGSL SEAL_USE_ZLIB SEAL_USE_ZSTD)
  set(${option} OFF CACHE BOOL "" FORCE)
endforeach()
