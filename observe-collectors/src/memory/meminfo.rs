//! Which lines of `/proc/meminfo` are wanted.
//!
//! Left out are fields that current kernels always print as zero.

use observe_core::names::memory as names;

use crate::layout::Field;

/// The fields of `/proc/meminfo`, in the order of the columns.
pub(super) static FIELDS: &[Field] = &[
    Field::new("MemTotal", &names::TOTAL, KIB),
    Field::new("MemFree", &names::FREE, KIB),
    Field::new("MemAvailable", &names::AVAILABLE, KIB),
    Field::new("Buffers", &names::BUFFERS, KIB),
    Field::new("Cached", &names::CACHED, KIB),
    Field::new("SwapCached", &names::SWAP_CACHED, KIB),
    Field::new("Active", &names::ACTIVE, KIB),
    Field::new("Inactive", &names::INACTIVE, KIB),
    Field::new("Active(anon)", &names::ACTIVE_ANON, KIB),
    Field::new("Inactive(anon)", &names::INACTIVE_ANON, KIB),
    Field::new("Active(file)", &names::ACTIVE_FILE, KIB),
    Field::new("Inactive(file)", &names::INACTIVE_FILE, KIB),
    Field::new("Unevictable", &names::UNEVICTABLE, KIB),
    Field::new("Mlocked", &names::MLOCKED, KIB),
    Field::new("Zswap", &names::ZSWAP, KIB),
    Field::new("Zswapped", &names::ZSWAPPED, KIB),
    Field::new("Dirty", &names::DIRTY, KIB),
    Field::new("Writeback", &names::WRITEBACK, KIB),
    Field::new("WritebackTmp", &names::WRITEBACK_TMP, KIB),
    Field::new("AnonPages", &names::ANON, KIB),
    Field::new("Mapped", &names::MAPPED, KIB),
    Field::new("Shmem", &names::SHMEM, KIB),
    Field::new("KReclaimable", &names::KERNEL_RECLAIMABLE, KIB),
    Field::new("Slab", &names::SLAB, KIB),
    Field::new("SReclaimable", &names::SLAB_RECLAIMABLE, KIB),
    Field::new("SUnreclaim", &names::SLAB_UNRECLAIMABLE, KIB),
    Field::new("KernelStack", &names::KERNEL_STACK, KIB),
    Field::new("PageTables", &names::PAGE_TABLES, KIB),
    Field::new("SecPageTables", &names::SECONDARY_PAGE_TABLES, KIB),
    Field::new("Percpu", &names::PER_CPU, KIB),
    Field::new("CommitLimit", &names::COMMIT_LIMIT, KIB),
    Field::new("Committed_AS", &names::COMMITTED, KIB),
    Field::new("VmallocTotal", &names::VMALLOC_TOTAL, KIB),
    Field::new("VmallocUsed", &names::VMALLOC_USED, KIB),
    Field::new("HardwareCorrupted", &names::HARDWARE_CORRUPTED, KIB),
    Field::new("AnonHugePages", &names::ANON_HUGE_PAGES, KIB),
    Field::new("ShmemHugePages", &names::SHMEM_HUGE_PAGES, KIB),
    Field::new("ShmemPmdMapped", &names::SHMEM_HUGE_MAPPED, KIB),
    Field::new("FileHugePages", &names::FILE_HUGE_PAGES, KIB),
    Field::new("FilePmdMapped", &names::FILE_HUGE_MAPPED, KIB),
    Field::new("CmaTotal", &names::CMA_TOTAL, KIB),
    Field::new("CmaFree", &names::CMA_FREE, KIB),
    Field::new("Unaccepted", &names::UNACCEPTED, KIB),
    Field::new("Balloon", &names::BALLOON, KIB),
    Field::new("Hugepagesize", &names::HUGE_PAGE_SIZE, KIB),
    Field::new("Hugetlb", &names::HUGE_PAGES_BYTES, KIB),
    Field::new("DirectMap4k", &names::DIRECT_MAP_4K, KIB),
    Field::new("DirectMap2M", &names::DIRECT_MAP_2M, KIB),
    Field::new("DirectMap4M", &names::DIRECT_MAP_4M, KIB),
    Field::new("DirectMap1G", &names::DIRECT_MAP_1G, KIB),
    Field::new("SwapTotal", &names::SWAP_TOTAL, KIB),
    Field::new("SwapFree", &names::SWAP_FREE, KIB),
    Field::new("HugePages_Total", &names::HUGE_PAGES_TOTAL, 1.0),
    Field::new("HugePages_Free", &names::HUGE_PAGES_FREE, 1.0),
    Field::new("HugePages_Rsvd", &names::HUGE_PAGES_RESERVED, 1.0),
    Field::new("HugePages_Surp", &names::HUGE_PAGES_SURPLUS, 1.0),
];

/// The file counts in units of 1024 bytes.
const KIB: f64 = 1024.0;
