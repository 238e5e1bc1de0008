interface SparklineProps {
  readonly values: readonly number[];
  /** What it shows, for those who do not see it. */
  readonly label: string;
}

const HEIGHT = 24;

/** A small picture of numbers over time: a bar each. */
export function Sparkline({ values, label }: SparklineProps) {
  const most = Math.max(1, ...values);
  const total = values.reduce((sum, value) => sum + value, 0);
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${values.length} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${label}: ${total} in all, ${most} at most`}
    >
      {values.map((value, at) => {
        const height = (value / most) * HEIGHT;
        return value > 0 && <rect key={at} x={at} y={HEIGHT - height} width={0.8} height={height} />;
      })}
    </svg>
  );
}
