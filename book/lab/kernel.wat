;; The matrix product of the Lab, and what else takes long, in WebAssembly with 128-bit SIMD.
;;
;;   C[i, j] = Σ_p A[i, p] B[p, j],   i < m, j < n, p < k
;;
;; B and C lie row by row; A[i, p] is $row * i + $column * p bytes behind $a, so that one product
;; serves X W (row by row), Xᵀ Δ (the other way round) and Δ Wᵀ (after `transpose`). Four rows of C
;; and eight columns are summed at once, in eight registers: each of the lanes is another element of
;; C, so that every sum runs through p in order, as in the plain kernel of kernel.js.
(module
  (import "lab" "memory" (memory 1))

  ;; Four rows, eight columns of C: $c is the upper left one, $a its row of A, $b its column of B.
  (func $tile_4x8 (param $c i32) (param $a i32) (param $b i32) (param $k i32)
      (param $row i32) (param $column i32) (param $stride i32)
    (local $a1 i32) (local $a2 i32) (local $a3 i32)
    (local $left v128) (local $right v128) (local $x v128)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)
    (local $t0 v128) (local $t1 v128) (local $t2 v128) (local $t3 v128)
    (local.set $a1 (i32.add (local.get $a) (local.get $row)))
    (local.set $a2 (i32.add (local.get $a1) (local.get $row)))
    (local.set $a3 (i32.add (local.get $a2) (local.get $row)))
    (loop $next
      (local.set $left (v128.load (local.get $b)))
      (local.set $right (v128.load offset=16 (local.get $b)))
      (local.set $x (v128.load32_splat (local.get $a)))
      (local.set $s0 (f32x4.add (local.get $s0) (f32x4.mul (local.get $x) (local.get $left))))
      (local.set $t0 (f32x4.add (local.get $t0) (f32x4.mul (local.get $x) (local.get $right))))
      (local.set $x (v128.load32_splat (local.get $a1)))
      (local.set $s1 (f32x4.add (local.get $s1) (f32x4.mul (local.get $x) (local.get $left))))
      (local.set $t1 (f32x4.add (local.get $t1) (f32x4.mul (local.get $x) (local.get $right))))
      (local.set $x (v128.load32_splat (local.get $a2)))
      (local.set $s2 (f32x4.add (local.get $s2) (f32x4.mul (local.get $x) (local.get $left))))
      (local.set $t2 (f32x4.add (local.get $t2) (f32x4.mul (local.get $x) (local.get $right))))
      (local.set $x (v128.load32_splat (local.get $a3)))
      (local.set $s3 (f32x4.add (local.get $s3) (f32x4.mul (local.get $x) (local.get $left))))
      (local.set $t3 (f32x4.add (local.get $t3) (f32x4.mul (local.get $x) (local.get $right))))
      (local.set $b (i32.add (local.get $b) (local.get $stride)))
      (local.set $a (i32.add (local.get $a) (local.get $column)))
      (local.set $a1 (i32.add (local.get $a1) (local.get $column)))
      (local.set $a2 (i32.add (local.get $a2) (local.get $column)))
      (local.set $a3 (i32.add (local.get $a3) (local.get $column)))
      (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
    (v128.store (local.get $c) (local.get $s0))
    (v128.store offset=16 (local.get $c) (local.get $t0))
    (local.set $c (i32.add (local.get $c) (local.get $stride)))
    (v128.store (local.get $c) (local.get $s1))
    (v128.store offset=16 (local.get $c) (local.get $t1))
    (local.set $c (i32.add (local.get $c) (local.get $stride)))
    (v128.store (local.get $c) (local.get $s2))
    (v128.store offset=16 (local.get $c) (local.get $t2))
    (local.set $c (i32.add (local.get $c) (local.get $stride)))
    (v128.store (local.get $c) (local.get $s3))
    (v128.store offset=16 (local.get $c) (local.get $t3)))

  ;; Four rows, four columns.
  (func $tile_4x4 (param $c i32) (param $a i32) (param $b i32) (param $k i32)
      (param $row i32) (param $column i32) (param $stride i32)
    (local $a1 i32) (local $a2 i32) (local $a3 i32) (local $left v128)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)
    (local.set $a1 (i32.add (local.get $a) (local.get $row)))
    (local.set $a2 (i32.add (local.get $a1) (local.get $row)))
    (local.set $a3 (i32.add (local.get $a2) (local.get $row)))
    (loop $next
      (local.set $left (v128.load (local.get $b)))
      (local.set $s0 (f32x4.add (local.get $s0)
        (f32x4.mul (v128.load32_splat (local.get $a)) (local.get $left))))
      (local.set $s1 (f32x4.add (local.get $s1)
        (f32x4.mul (v128.load32_splat (local.get $a1)) (local.get $left))))
      (local.set $s2 (f32x4.add (local.get $s2)
        (f32x4.mul (v128.load32_splat (local.get $a2)) (local.get $left))))
      (local.set $s3 (f32x4.add (local.get $s3)
        (f32x4.mul (v128.load32_splat (local.get $a3)) (local.get $left))))
      (local.set $b (i32.add (local.get $b) (local.get $stride)))
      (local.set $a (i32.add (local.get $a) (local.get $column)))
      (local.set $a1 (i32.add (local.get $a1) (local.get $column)))
      (local.set $a2 (i32.add (local.get $a2) (local.get $column)))
      (local.set $a3 (i32.add (local.get $a3) (local.get $column)))
      (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
    (v128.store (local.get $c) (local.get $s0))
    (local.set $c (i32.add (local.get $c) (local.get $stride)))
    (v128.store (local.get $c) (local.get $s1))
    (local.set $c (i32.add (local.get $c) (local.get $stride)))
    (v128.store (local.get $c) (local.get $s2))
    (local.set $c (i32.add (local.get $c) (local.get $stride)))
    (v128.store (local.get $c) (local.get $s3)))

  ;; One row, four columns.
  (func $tile_1x4 (param $c i32) (param $a i32) (param $b i32) (param $k i32)
      (param $column i32) (param $stride i32)
    (local $s v128)
    (loop $next
      (local.set $s (f32x4.add (local.get $s)
        (f32x4.mul (v128.load32_splat (local.get $a)) (v128.load (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.get $stride)))
      (local.set $a (i32.add (local.get $a) (local.get $column)))
      (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
    (v128.store (local.get $c) (local.get $s)))

  ;; One row, one column.
  (func $tile_1x1 (param $c i32) (param $a i32) (param $b i32) (param $k i32)
      (param $column i32) (param $stride i32)
    (local $s f32)
    (loop $next
      (local.set $s (f32.add (local.get $s)
        (f32.mul (f32.load (local.get $a)) (f32.load (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.get $stride)))
      (local.set $a (i32.add (local.get $a) (local.get $column)))
      (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
    (f32.store (local.get $c) (local.get $s)))

  ;; One row of C from column $j on.
  (func $rest_of_row (param $c i32) (param $a i32) (param $b i32) (param $j i32) (param $n i32)
      (param $k i32) (param $column i32) (param $stride i32)
    (block $fours_done
      (loop $fours
        (br_if $fours_done
          (i32.gt_u (i32.add (local.get $j) (i32.const 4)) (local.get $n)))
        (call $tile_1x4
          (i32.add (local.get $c) (i32.shl (local.get $j) (i32.const 2)))
          (local.get $a)
          (i32.add (local.get $b) (i32.shl (local.get $j) (i32.const 2)))
          (local.get $k) (local.get $column) (local.get $stride))
        (local.set $j (i32.add (local.get $j) (i32.const 4)))
        (br $fours)))
    (block $ones_done
      (loop $ones
        (br_if $ones_done (i32.ge_u (local.get $j) (local.get $n)))
        (call $tile_1x1
          (i32.add (local.get $c) (i32.shl (local.get $j) (i32.const 2)))
          (local.get $a)
          (i32.add (local.get $b) (i32.shl (local.get $j) (i32.const 2)))
          (local.get $k) (local.get $column) (local.get $stride))
        (local.set $j (i32.add (local.get $j) (i32.const 1)))
        (br $ones))))

  ;; The part of C that is whole tiles: $rows four by four, $columns eight by eight.
  (func $tiles (param $c i32) (param $a i32) (param $b i32) (param $rows i32) (param $columns i32)
      (param $k i32) (param $row i32) (param $column i32) (param $stride i32)
    (local $i i32) (local $j i32)
    (if (i32.or (i32.eqz (local.get $rows)) (i32.eqz (local.get $columns))) (then (return)))
    (loop $next
      (call $tile_4x8
        (i32.add (local.get $c) (i32.add
          (i32.mul (local.get $i) (local.get $stride))
          (i32.shl (local.get $j) (i32.const 2))))
        (i32.add (local.get $a) (i32.mul (local.get $i) (local.get $row)))
        (i32.add (local.get $b) (i32.shl (local.get $j) (i32.const 2)))
        (local.get $k) (local.get $row) (local.get $column) (local.get $stride))
      (local.set $j (i32.add (local.get $j) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $j) (local.get $columns)))
      (local.set $j (i32.const 0))
      (local.set $i (i32.add (local.get $i) (i32.const 4)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $rows)))))

  (func (export "matmul") (param $c i32) (param $a i32) (param $b i32)
      (param $m i32) (param $n i32) (param $k i32) (param $row i32) (param $column i32)
    (local $stride i32) (local $i i32) (local $from i32) (local $rows i32) (local $columns i32)
    (local.set $stride (i32.shl (local.get $n) (i32.const 2)))
    (local.set $rows (i32.and (local.get $m) (i32.const -4)))
    (local.set $columns (i32.and (local.get $n) (i32.const -8)))
    (call $tiles (local.get $c) (local.get $a) (local.get $b) (local.get $rows)
      (local.get $columns) (local.get $k) (local.get $row) (local.get $column)
      (local.get $stride))
    ;; Four more columns of these rows, if there are.
    (if (i32.le_u (i32.add (local.get $columns) (i32.const 4)) (local.get $n))
      (then
        (block $fours_done
          (loop $fours
            (br_if $fours_done (i32.ge_u (local.get $i) (local.get $rows)))
            (call $tile_4x4
              (i32.add (local.get $c) (i32.add
                (i32.mul (local.get $i) (local.get $stride))
                (i32.shl (local.get $columns) (i32.const 2))))
              (i32.add (local.get $a) (i32.mul (local.get $i) (local.get $row)))
              (i32.add (local.get $b) (i32.shl (local.get $columns) (i32.const 2)))
              (local.get $k) (local.get $row) (local.get $column) (local.get $stride))
            (local.set $i (i32.add (local.get $i) (i32.const 4)))
            (br $fours)))
        (local.set $columns (i32.add (local.get $columns) (i32.const 4)))))
    ;; What is left: the last columns of these rows, and up to three whole rows.
    (local.set $i (i32.const 0))
    (block $done
      (loop $rest
        (br_if $done (i32.ge_u (local.get $i) (local.get $m)))
        (local.set $from (select (local.get $columns) (i32.const 0)
          (i32.lt_u (local.get $i) (local.get $rows))))
        (call $rest_of_row (local.get $c) (local.get $a) (local.get $b) (local.get $from)
          (local.get $n) (local.get $k) (local.get $column) (local.get $stride))
        (local.set $c (i32.add (local.get $c) (local.get $stride)))
        (local.set $a (i32.add (local.get $a) (local.get $row)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $rest))))

  ;; T[j, i] = W[i, j] for W of shape ($rows, $columns).
  (func (export "transpose") (param $t i32) (param $w i32) (param $rows i32) (param $columns i32)
    (local $i i32) (local $j i32) (local $to i32) (local $stride i32)
    (local.set $stride (i32.shl (local.get $rows) (i32.const 2)))
    (block $done
      (loop $row
        (br_if $done (i32.ge_u (local.get $i) (local.get $rows)))
        (local.set $to (i32.add (local.get $t) (i32.shl (local.get $i) (i32.const 2))))
        (local.set $j (local.get $columns))
        (loop $element
          (f32.store (local.get $to) (f32.load (local.get $w)))
          (local.set $w (i32.add (local.get $w) (i32.const 4)))
          (local.set $to (i32.add (local.get $to) (local.get $stride)))
          (br_if $element (local.tee $j (i32.sub (local.get $j) (i32.const 1)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $row))))

  ;; What follows goes through arrays four numbers at once, until $end. What is behind the last
  ;; number, up to a multiple of 16 bytes, is room of the same array.

  ;; Y[i, j] ← Y[i, j] + b[j] for Y of shape ($rows, $columns).
  (func (export "add_bias") (param $y i32) (param $b i32) (param $rows i32) (param $columns i32)
    (local $j i32) (local $at i32) (local $fours i32)
    (local.set $fours (i32.and (local.get $columns) (i32.const -4)))
    (loop $row
      (local.set $j (i32.const 0))
      (local.set $at (local.get $b))
      (block $fours_done
        (loop $four
          (br_if $fours_done (i32.ge_u (local.get $j) (local.get $fours)))
          (v128.store (local.get $y)
            (f32x4.add (v128.load (local.get $y)) (v128.load (local.get $at))))
          (local.set $y (i32.add (local.get $y) (i32.const 16)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (local.set $j (i32.add (local.get $j) (i32.const 4)))
          (br $four)))
      (block $ones_done
        (loop $one
          (br_if $ones_done (i32.ge_u (local.get $j) (local.get $columns)))
          (f32.store (local.get $y) (f32.add (f32.load (local.get $y)) (f32.load (local.get $at))))
          (local.set $y (i32.add (local.get $y) (i32.const 4)))
          (local.set $at (i32.add (local.get $at) (i32.const 4)))
          (local.set $j (i32.add (local.get $j) (i32.const 1)))
          (br $one)))
      (br_if $row (local.tee $rows (i32.sub (local.get $rows) (i32.const 1))))))

  ;; x ← max(x, 0), and 0 where x < 2⁻¹¹³ (see kernel.js); slope ← 0 where x <= 0, else 1. What is
  ;; not a number stays so.
  (func (export "relu") (param $x i32) (param $slope i32) (param $end i32)
    (local $value v128) (local $off v128)
    (loop $next
      (local.set $value (v128.load (local.get $x)))
      (local.set $off (f32x4.le (local.get $value) (f32x4.splat (f32.const 0))))
      (v128.store (local.get $x) (v128.andnot (local.get $value)
        (f32x4.lt (local.get $value) (f32x4.splat (f32.const 0x1p-113)))))
      (v128.store (local.get $slope)
        (v128.andnot (f32x4.splat (f32.const 1)) (local.get $off)))
      (local.set $slope (i32.add (local.get $slope) (i32.const 16)))
      (br_if $next (i32.lt_u
        (local.tee $x (i32.add (local.get $x) (i32.const 16))) (local.get $end)))))

  ;; x ← x y, and 0 where |x y| < 2⁻¹¹³
  (func (export "multiply") (param $x i32) (param $y i32) (param $end i32)
    (local $product v128)
    (loop $next
      (local.set $product (f32x4.mul (v128.load (local.get $x)) (v128.load (local.get $y))))
      (v128.store (local.get $x) (v128.andnot (local.get $product)
        (f32x4.lt (f32x4.abs (local.get $product)) (f32x4.splat (f32.const 0x1p-113)))))
      (local.set $y (i32.add (local.get $y) (i32.const 16)))
      (br_if $next (i32.lt_u
        (local.tee $x (i32.add (local.get $x) (i32.const 16))) (local.get $end)))))

  ;; The optimizers. Behind the last weight the gradients are 0.

  ;; w ← w - rate g
  (func (export "sgd") (param $w i32) (param $g i32) (param $end i32) (param $rate f32)
    (loop $next
      (v128.store (local.get $w)
        (f32x4.sub (v128.load (local.get $w))
          (f32x4.mul (f32x4.splat (local.get $rate)) (v128.load (local.get $g)))))
      (local.set $g (i32.add (local.get $g) (i32.const 16)))
      (br_if $next (i32.lt_u
        (local.tee $w (i32.add (local.get $w) (i32.const 16))) (local.get $end)))))

  ;; v ← momentum v - rate g,  w ← w + v
  (func (export "momentum") (param $w i32) (param $g i32) (param $v i32) (param $end i32)
      (param $rate f32) (param $momentum f32)
    (local $now v128)
    (loop $next
      (local.set $now (f32x4.sub
        (f32x4.mul (f32x4.splat (local.get $momentum)) (v128.load (local.get $v)))
        (f32x4.mul (f32x4.splat (local.get $rate)) (v128.load (local.get $g)))))
      (v128.store (local.get $v) (local.get $now))
      (v128.store (local.get $w) (f32x4.add (v128.load (local.get $w)) (local.get $now)))
      (local.set $g (i32.add (local.get $g) (i32.const 16)))
      (local.set $v (i32.add (local.get $v) (i32.const 16)))
      (br_if $next (i32.lt_u
        (local.tee $w (i32.add (local.get $w) (i32.const 16))) (local.get $end)))))

  ;; v ← momentum v - rate g,  w ← w + (momentum v - rate g)
  (func (export "nesterov") (param $w i32) (param $g i32) (param $v i32) (param $end i32)
      (param $rate f32) (param $momentum f32)
    (local $step v128) (local $now v128)
    (loop $next
      (local.set $step (f32x4.mul (f32x4.splat (local.get $rate)) (v128.load (local.get $g))))
      (local.set $now (f32x4.sub
        (f32x4.mul (f32x4.splat (local.get $momentum)) (v128.load (local.get $v)))
        (local.get $step)))
      (v128.store (local.get $v) (local.get $now))
      (v128.store (local.get $w) (f32x4.add (v128.load (local.get $w))
        (f32x4.sub (f32x4.mul (f32x4.splat (local.get $momentum)) (local.get $now))
          (local.get $step))))
      (local.set $g (i32.add (local.get $g) (i32.const 16)))
      (local.set $v (i32.add (local.get $v) (i32.const 16)))
      (br_if $next (i32.lt_u
        (local.tee $w (i32.add (local.get $w) (i32.const 16))) (local.get $end)))))

  ;; m ← m + fresh1 (g - m),  v ← v + fresh2 (g² - v),  w ← w - alpha m / (√v + epsilon)
  (func (export "adam") (param $w i32) (param $g i32) (param $m i32) (param $v i32) (param $end i32)
      (param $alpha f32) (param $fresh1 f32) (param $fresh2 f32) (param $epsilon f32)
    (local $gradient v128) (local $first v128) (local $second v128)
    (loop $next
      (local.set $gradient (v128.load (local.get $g)))
      (local.set $first (v128.load (local.get $m)))
      (local.set $second (v128.load (local.get $v)))
      (local.set $first (f32x4.add (local.get $first)
        (f32x4.mul (f32x4.splat (local.get $fresh1))
          (f32x4.sub (local.get $gradient) (local.get $first)))))
      (local.set $second (f32x4.add (local.get $second)
        (f32x4.mul (f32x4.splat (local.get $fresh2))
          (f32x4.sub (f32x4.mul (local.get $gradient) (local.get $gradient))
            (local.get $second)))))
      (v128.store (local.get $m) (local.get $first))
      (v128.store (local.get $v) (local.get $second))
      (v128.store (local.get $w) (f32x4.sub (v128.load (local.get $w))
        (f32x4.div (f32x4.mul (f32x4.splat (local.get $alpha)) (local.get $first))
          (f32x4.add (f32x4.sqrt (local.get $second)) (f32x4.splat (local.get $epsilon))))))
      (local.set $g (i32.add (local.get $g) (i32.const 16)))
      (local.set $m (i32.add (local.get $m) (i32.const 16)))
      (local.set $v (i32.add (local.get $v) (i32.const 16)))
      (br_if $next (i32.lt_u
        (local.tee $w (i32.add (local.get $w) (i32.const 16))) (local.get $end))))))
